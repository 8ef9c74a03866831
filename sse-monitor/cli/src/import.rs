//! `sse import`: recordings of what other programs wrote, and of what was left half recorded.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use indicatif::HumanBytes;
use sse_monitor_engine::{
    query::Query,
    recording::{self, Damage, DamageKind, ImportError, Recording, Source, discard, pack},
};

use crate::{
    args::{self, Colour, Import},
    damage::{self, Opened},
    exit::Exit,
    new_file::refuse_what_is_there,
    progress::{Counted, Progress},
    record::journal_bytes,
    signals::end_when_asked,
    tail::is_coloured,
    too_large::TooLarge,
    words::{Words, counted},
};

/// Enough of a file to see what it is, be its first bytes damaged.
const BEGINNING: u64 = 64 << 10;

/// Runs the command to its end.
pub(crate) fn run(import: &Import) -> Exit {
    let words = Words::new(is_coloured(Colour::Auto, &io::stderr()), false);
    let is_stdin = import.file == Path::new("-");
    let is_folder = !is_stdin && import.file.is_dir();
    if is_folder && import.from.is_some() {
        words.error("--from is of a file; a folder is taken as the recording that lies in it");
        return Exit::Usage;
    }
    if is_folder && import.most.is_given() {
        words.error(
            "--max-line and --max-event are of a file; a folder is taken with the rows that it has",
        );
        return Exit::Usage;
    }
    if let Err(sentence) = refuse_what_is_there(&import.output) {
        words.error(&sentence);
        return Exit::Other;
    }
    let name = if is_stdin { "stdin".into() } else { import.file.display().to_string() };
    let length = if is_folder {
        Some(journal_bytes(&import.file))
    } else {
        fs::metadata(&import.file).ok().filter(|file| file.is_file()).map(|file| file.len())
    };
    let progress = Progress::bytes(&words, format!("importing {name}"), length);
    let (under_way, output) = (progress.clone(), import.output.clone());
    let ending = end_when_asked(move || {
        under_way.clear();
        discard(&output);
        words.error(&format!("interrupted; there is no {}", output.display()));
    });
    let imported = if is_folder {
        looked_through(import, &name, &progress)
            .and_then(|recording| recorded(import, recording, &progress, &words))
    } else {
        file(import, &name, &progress, &words)
    };
    // From here on there is nothing to put away, and little left to do.
    drop(ending);
    progress.clear();
    let imported = match imported {
        Ok(imported) => imported,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Other;
        }
    };
    let size = fs::metadata(&import.output).map(|file| file.len()).unwrap_or_default();
    words.note(&format!(
        "imported {} into {} ({})",
        counted(imported.events, "event"),
        import.output.display(),
        HumanBytes(size)
    ));
    // The events that it has not are told by the recording that was made.
    let too_large = Recording::open(&import.output).ok();
    let too_large = too_large.map(|recording| TooLarge::of(&recording, None)).unwrap_or_default();
    if let Some(told) = too_large.told() {
        let advice = if imported.is_recorded { "" } else { too_large.advice() };
        let output = import.output.display();
        words.warning(&format!(
            "{told}{advice}; sse show --turns {output} says which, and --raw ROW prints one"
        ));
    }
    if imported.cut_off > 0 {
        let bytes = counted(imported.cut_off_bytes, "byte");
        words.warning(&match imported.cut_off {
            1 => format!(
                "the last event is cut off and is none: {bytes} came of it, and not its end"
            ),
            several => format!(
                "{several} bodies are cut off within an event, which is none: {bytes} came of these"
            ),
        });
    }
    if imported.cut_off_line > 0 {
        let bytes = counted(imported.cut_off_line, "byte");
        words.warning(&format!(
            "the last line is cut off and is left out: {bytes} came of it, and not its end"
        ));
    }
    if imported.not_json > 0 {
        let lines = counted(imported.not_json, "line");
        words.warning(&format!("no JSON by itself, and an event as it is: {lines}"));
    }
    for sentence in &imported.left_out {
        words.warning(&format!("left out: {sentence}"));
    }
    match imported.more_left_out {
        0 => {}
        1 => words.warning("left out: one more entry"),
        several => words.warning(&format!("left out: {several} more entries")),
    }
    if let Some(missing) = &imported.missing {
        words.error(&format!(
            "what cannot be read of {name} cannot be read of {} either: {missing}",
            import.output.display()
        ));
        return Exit::Other;
    }
    if is_folder && !imported.is_live {
        words.note(&format!("{name} stays; with the file it is needed no more"));
    }
    Exit::Done
}

#[derive(Default)]
struct Imported {
    events: u64,
    cut_off: u64,
    cut_off_bytes: u64,
    cut_off_line: u64,
    not_json: u64,
    left_out: Vec<String>,
    more_left_out: u64,
    /// Whether it was a recording before.
    is_recorded: bool,
    /// Whether that recording goes on.
    is_live: bool,
    /// How much of it cannot be read.
    missing: Option<String>,
}

/// The error is a sentence.
fn file(
    import: &Import,
    name: &str,
    progress: &Progress,
    words: &Words,
) -> Result<Imported, String> {
    let fail = |error| format!("{name} cannot be read: {error}");
    let is_stdin = import.file == Path::new("-");
    let file: Box<dyn Read> = if is_stdin {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(&import.file).map_err(fail)?)
    };
    let mut file = Counted { inner: file, progress: progress.clone() };
    let mut beginning = Vec::new();
    file.by_ref().take(BEGINNING).read_to_end(&mut beginning).map_err(fail)?;
    let source = match import.from {
        Some(args::From::Raw) => Source::Raw,
        Some(args::From::Ndjson) => Source::Ndjson,
        Some(args::From::Har) => Source::Har,
        None => match Source::guess(&beginning) {
            Ok(source) => source,
            Err(ImportError::Recording) if !is_stdin => {
                return damaged(import, name, progress, words);
            }
            Err(error @ ImportError::Recording) => {
                return Err(format!("{name} cannot be imported: {error}"));
            }
            Err(error) => {
                return Err(format!(
                    "{name} cannot be imported: {error}; --from raw takes it as it is"
                ));
            }
        },
    };
    let imported = recording::import_within(
        import.most.limits(),
        beginning.chain(file),
        source,
        name,
        &import.output,
    );
    match imported {
        Ok(imported) => {
            let recording::Imported { events, cut_off, cut_off_bytes, cut_off_line, .. } = imported;
            let recording::Imported { not_json, left_out, more_left_out, .. } = imported;
            Ok(Imported {
                events,
                cut_off,
                cut_off_bytes,
                cut_off_line,
                not_json,
                left_out,
                more_left_out,
                ..Imported::default()
            })
        }
        Err(ImportError::Recording) if !is_stdin => damaged(import, name, progress, words),
        Err(error) => Err(format!("{name} cannot be imported: {error}")),
    }
}

/// Makes a recording of what can be read of one that is damaged. A whole one needs no import.
fn damaged(
    import: &Import,
    name: &str,
    progress: &Progress,
    words: &Words,
) -> Result<Imported, String> {
    if import.from.is_some() || import.most.is_given() {
        return Err(format!(
            "{name} is a recording, of which the rows are taken that it has; --from, --max-line and --max-event \
             are of other files"
        ));
    }
    let recording = looked_through(import, name, progress)?;
    if recording.damage().is_empty() {
        return Err(format!("{name} cannot be imported: {}", ImportError::Recording));
    }
    recorded(import, recording, progress, words)
}

/// The recording to import, of which all damage is known. The error is a sentence.
fn looked_through(import: &Import, name: &str, progress: &Progress) -> Result<Recording, String> {
    let recording = damage::recording(&import.file)?;
    if !recording.is_looked_through() {
        progress.say(format!("looking for damage in the recording {name}"));
        damage::check(&recording, progress)?;
        progress.say(format!("importing {name}"));
    }
    Ok(recording)
}

/// Puts a recording, as far as it came, in one file.
fn recorded(
    import: &Import,
    recording: Recording,
    progress: &Progress,
    words: &Words,
) -> Result<Imported, String> {
    let mut opened = Opened::of(recording, &import.file, words);
    let recording = &opened.recording;
    let totals = recording.totals();
    let view = recording.view();
    pack(&view, totals, &import.output, |bytes| progress.at(bytes))
        .map_err(|error| error.to_string())?;
    let is_live = recording.is_live();
    let is_damaged = opened.tell(words);
    let damage = opened.recording.damage();
    let is_as_written = damage.iter().all(|damage| damage.kind == DamageKind::NotClosed);
    let is_missing = (is_damaged && opened.is_cut_off())
        || !(is_as_written || is_mended(&opened.recording, &import.output, progress));
    let made = damage::recording(&import.output)?;
    let events = match totals.rows_forgotten {
        0 if is_missing => opened.recording.report().events,
        0 => made.report().events,
        // What was counted when it came is there no more.
        _ => made.view().facets(&Query::new()).events,
    };
    let missing = is_missing.then(|| opened.missing());
    Ok(Imported { events, is_recorded: true, is_live, missing, ..Imported::default() })
}

/// Whether what was damaged is as it should be in the file that was made, since no row is made of it.
fn is_mended(recording: &Recording, made: &Path, progress: &Progress) -> bool {
    let is_there = |damage: &Damage| !damage.is_loss() || damage.kind == DamageKind::Changed;
    let rows = |recording: &Recording| recording.view().facets(&Query::new()).rows;
    recording.counts_lost_rows()
        && recording.damage().iter().all(is_there)
        && Recording::open(made).is_ok_and(|made| {
            let is_whole = || damage::check(&made, progress).is_ok_and(|damage| damage.is_empty());
            made.damage().is_empty()
                && (made.is_looked_through() || is_whole())
                && rows(&made) >= rows(recording)
        })
}
