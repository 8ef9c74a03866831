//! Sessions that are over: opened, checked, and put in one file.

mod derived;
#[cfg(feature = "convert")]
pub mod export;
mod folder;
#[cfg(feature = "convert")]
mod import;
mod live;
mod open;
mod pack;
pub(crate) mod rebuild;
pub mod redact;
pub(crate) mod statistics;
mod types;

use core::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use derived::TRAILER_PAYLOAD;
pub(crate) use folder::{Folder, part_of};
pub use folder::{discard, remove_folder};
#[cfg(feature = "convert")]
pub use import::{ImportError, Imported, Source, import, import_within};
pub(crate) use live::Lock;
pub use open::{OpenError, Recording};
pub use pack::{PackError, pack};
pub(crate) use types::{TYPES_FILE, TypesFile};

/// A part of a recording that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Damage {
    /// The file it is in.
    pub file: String,
    /// The byte at which it begins.
    pub at: u64,
    /// How many bytes it is.
    pub bytes: u64,
    /// What is wrong.
    pub kind: DamageKind,
}

/// What is wrong with a part of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DamageKind {
    /// It was not closed: the program that wrote it was stopped. Nothing that it had written is lost.
    NotClosed,
    /// It ends in the middle of something, or its end is missing.
    CutOff,
    /// Its bytes are not as they were written.
    Changed,
    /// One bit is not as it was written, and its sums tell which: nothing is lost.
    Mended,
    /// Parts of it are missing, are there twice, or stand in another order.
    Disordered,
    /// The whole file is not there.
    Missing,
}

impl DamageKind {
    /// Whether something that was recorded cannot be read, or may not be all there. Of what was not closed, or is cut
    /// off, all is there that could be.
    pub const fn is_loss(self) -> bool {
        match self {
            Self::NotClosed | Self::CutOff | Self::Mended => false,
            Self::Changed | Self::Disordered | Self::Missing => true,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, at, bytes, kind } = self;
        match kind {
            DamageKind::NotClosed => write!(
                f,
                "{file} was not closed (its program was stopped); all that had been written is here"
            ),
            DamageKind::CutOff if *bytes == 0 => {
                write!(f, "{file} is cut off: its end is missing; what comes before is here")
            }
            DamageKind::CutOff if *bytes == 1 => write!(
                f,
                "{file} is cut off: its last byte, byte {at}, is of something that is not whole; what comes \
                 before is here"
            ),
            DamageKind::CutOff => write!(
                f,
                "{file} is cut off: its last {bytes} bytes, from byte {at} on, are not whole; what \
                 comes before is here"
            ),
            DamageKind::Changed if *bytes == 1 => {
                write!(f, "{file} is damaged: byte {at} is not as it was written; the rest is here")
            }
            DamageKind::Changed => write!(
                f,
                "{file} is damaged: {bytes} bytes from byte {at} on are not as they were written; the \
                 rest is here"
            ),
            DamageKind::Mended => write!(
                f,
                "{file} is damaged: one bit of the {bytes} bytes from byte {at} on is not as it was written; its \
                 sum tells which, so nothing is lost"
            ),
            DamageKind::Disordered => write!(
                f,
                "{file} is damaged: from byte {at} on parts of it are missing, are there twice, or stand \
                 in another order; what comes before is here"
            ),
            DamageKind::Missing => {
                write!(f, "{file} is missing, and its rows with it; the rest is here")
            }
        }
    }
}
