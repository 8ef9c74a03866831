//! A recording without what nobody else should read.
//!
//! While a stream is recorded its bytes are kept exactly; only what request and response heads have for
//! secrets is masked. What stands in bodies is redacted when a recording is given away: patterns say what,
//! a [`preview`] shows where, and [`redact`] writes another recording that has exactly that
//! masked, and lists it.

mod patterns;
mod rewrite;
mod walk;

use std::{io, path::Path};

use serde::{Deserialize, Serialize};

use super::{Folder, PackError, Recording, pack};
use crate::{
    clock::Moment,
    journal::{
        retention::{DiskLimit, DiskPolicy},
        turn::RedactedText,
        view::View,
        writer::{Place, Writer},
    },
};
pub use patterns::Redaction;
use walk::Walker;

/// Cuts that are shown one by one; the others are only counted.
const MOST_CUTS: usize = 1000;

/// What stands in the place of what was redacted.
pub const MASK: &str = "***";

/// What is redacted, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Preview {
    /// Where, the first thousand.
    pub cuts: Vec<Cut>,
    /// How many cuts there are, those that are not shown among them.
    pub cut_count: u64,
    /// Lines that are masked whole, since nobody can look at them as a reader would: of events that were too
    /// long or, where a pattern is a path into JSON, not finished.
    pub masked_lines: u64,
    /// Events whose data is no JSON, where a pattern is a path into JSON: it leads nowhere in these.
    #[serde(default)]
    pub not_json: u64,
    /// How often each pattern was found, in their order.
    pub patterns: Vec<RedactedText>,
}

/// A text of a row in which something is redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Cut {
    /// The row's number; of what belongs to no row, that of the row after it.
    pub row: u64,
    /// Which of its texts.
    pub field: Field,
    /// How many places in it.
    pub count: u64,
    /// The first of them with what stands around it, as it will be.
    pub around: String,
}

/// A text of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Field {
    /// An event's data.
    Data,
    /// An event's ID.
    Id,
    /// An event's type.
    EventType,
    /// A comment's text.
    Comment,
    /// A line that no reader of the stream is shown: of an event that was dropped or not finished, or
    /// with a field that has no meaning.
    Unread,
    /// What a turn of the connection tells: URLs, headers, IDs that were sent.
    Turn,
}

/// What a redaction would redact. Nothing is written.
///
/// # Errors
/// If the recording cannot be read.
pub fn preview(view: &View, redaction: &Redaction) -> io::Result<Preview> {
    Walker::new(view, redaction, None).walk().map(|(preview, _)| preview)
}

/// Writes a one-file recording at `to` with the rows of another, in which all that the patterns find is
/// masked. Its times are those of the other; rows that had been dropped from that, and bytes that are
/// damaged, are not in it.
///
/// Patterns see texts as a reader of the stream does: data of several lines joined, and nothing else
/// undone; what an application encodes, it must be asked for as it is encoded. Where a pattern is a
/// path into JSON, data lines of events that never were complete are masked whole.
///
/// # Errors
/// [`PackError`] if there is a file of that name, or it cannot be written. Nothing is left then.
pub fn redact(
    recording: &Recording,
    redaction: &Redaction,
    to: &Path,
) -> Result<Preview, PackError> {
    let fail = |source: io::Error| PackError::Io { path: to.into(), source };
    if to.exists() {
        return Err(PackError::Exists { path: to.into() });
    }
    let Redacted { recording, preview, folder: _folder } =
        redacted(recording, redaction, to).map_err(fail)?;
    pack(&recording.view(), recording.totals(), to, |_| {})?;
    Ok(preview)
}

/// A copy of a recording with all masked that a redaction finds. It lies in a folder of its own, which is gone with
/// this.
#[derive(Debug)]
pub struct Redacted {
    // Before the folder, so that nothing is open in that when it is removed.
    recording: Recording,
    preview: Preview,
    folder: Folder,
}

impl Redacted {
    /// The copy.
    pub const fn recording(&self) -> &Recording {
        &self.recording
    }

    /// What was masked in it.
    pub const fn preview(&self) -> &Preview {
        &self.preview
    }
}

/// As [`redact`], for who wants the rows and no file: to export them, say. The folder is made beside `near`, which
/// need not be there, and takes as much room as the recording.
///
/// # Errors
/// If the recording cannot be read, or the folder not be written. Nothing is left then.
pub fn redacted(recording: &Recording, redaction: &Redaction, near: &Path) -> io::Result<Redacted> {
    let view = recording.view();
    let planned = preview(&view, redaction)?;
    let folder = Folder::beside(near)?;
    let mut origin = recording.origin().clone();
    for text in [&mut origin.url, &mut origin.last_event_id] {
        redaction.mask(text);
    }
    if let Some(from) = &mut origin.imported_from {
        redaction.mask(from);
    }
    origin.redacted_texts.extend(planned.patterns.iter().filter(|text| text.count > 0).cloned());
    let limit = DiskLimit { bytes: u64::MAX, policy: DiskPolicy::Stop };
    let limits = crate::journal::reader::limits_of(&origin);
    let place = Place::Folder { path: folder.path().into(), limit };
    let writer = Writer::new(origin, limits, place)?;
    if view.first_row() > 1
        && let Some(oldest) = view.page(view.first_row(), 1, 0).first()
    {
        // Its rows count from 1 again, its times do not.
        writer.kept().statistics().begin_at(oldest.elapsed_micros);
    }
    let (done, writer) = Walker::new(&view, redaction, Some(writer)).walk()?;
    if let Some((mut writer, moment)) = writer {
        writer.all_is_written()?;
        writer.close(moment);
        writer.all_is_written()?;
    }
    if done != planned {
        // It was written to meanwhile: what was shown is not what was done.
        return Err(io::Error::other("the recording changed while it was redacted"));
    }
    let recording = Recording::open(folder.path()).map_err(io::Error::other)?;
    Ok(Redacted { recording, preview: done, folder })
}

impl Preview {
    fn of(redaction: &Redaction) -> Self {
        Self { patterns: redaction.described(), ..Self::default() }
    }

    fn add(&mut self, row: u64, field: Field, masked: &patterns::Masked) {
        for (pattern, count) in self.patterns.iter_mut().zip(&masked.counts) {
            pattern.count += count;
        }
        self.cut_count += 1;
        if self.cuts.len() < MOST_CUTS {
            let count = masked.places;
            self.cuts.push(Cut { row, field, count, around: masked.around() });
        }
    }
}

/// The moment after which nothing was written.
type Written = Option<(Writer, Moment)>;
