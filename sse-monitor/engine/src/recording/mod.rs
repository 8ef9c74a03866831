//! Sessions that are over: opened, checked, and put in one file.

mod damage;
mod derived;
#[cfg(feature = "convert")]
pub mod export;
mod folder;
#[cfg(feature = "convert")]
mod import;
mod live;
mod open;
mod opener;
mod pack;
pub(crate) mod rebuild;
pub mod redact;
mod segments;
pub(crate) mod statistics;
mod types;

pub(crate) use damage::DamageList;
pub use damage::{Damage, DamageKind};
pub(crate) use derived::TRAILER_PAYLOAD;
pub(crate) use folder::{Folder, part_of};
pub use folder::{discard, remove_folder};
#[cfg(feature = "convert")]
pub use import::{ImportError, Imported, Source, import, import_within};
pub(crate) use live::Lock;
pub use open::{OpenError, Recording};
pub use pack::{PackError, pack};
pub(crate) use types::{TYPES_FILE, TypesFile};
