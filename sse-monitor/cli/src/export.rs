//! `sse export`: what other programs read.

use std::{
    env,
    io::{self, BufWriter, IsTerminal, Write},
    path::Path,
};

use sse_monitor_engine::{
    RowKind, View,
    query::{Budget, Kind, Order, Query},
    recording::{
        discard,
        export::{self, Bodies},
        redact::{Redacted, Redaction, redacted},
    },
};

use crate::{
    args::{Colour, Export, Form},
    attempt,
    damage::Opened,
    escape::{self, Escaped, StandIns},
    exit::Exit,
    new_file::NewFile,
    progress::{Counted, Progress},
    redact,
    signals::end_when_asked,
    stdout,
    tail::{is_coloured, ndjson::Ndjson},
    too_large::TooLarge,
    words::{Words, counted},
};

/// Rows written at a time.
const PAGE: usize = 512;

/// What became of it.
struct Written {
    /// Whether there was anything to write.
    any: bool,
    /// Whether stand-ins are in it, so that it is not what was recorded.
    has_stand_ins: bool,
    /// Bytes of unfinished events that are not in it.
    left_out: u64,
    /// Whether events that were dropped as too large are not in it.
    lacks_dropped: bool,
}

/// Runs the command to its end.
pub(crate) fn run(export: &Export) -> Exit {
    let words = Words::new(is_coloured(Colour::Auto, &io::stderr()), false);
    let redaction = match asked(export) {
        Ok(redaction) => redaction,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Usage;
        }
    };
    match exported(export, redaction, &words) {
        Ok(()) => Exit::Done,
        Err(sentence) => {
            words.error(&sentence);
            Exit::Other
        }
    }
}

/// What is masked, if that is asked for. The error is a sentence.
fn asked(export: &Export) -> Result<Option<Redaction>, String> {
    if export.redact {
        return export.patterns.redaction().map(Some);
    }
    if export.patterns.is_empty() {
        return Ok(None);
    }
    Err("--text, --regex and --json say what --redact masks: give --redact too".into())
}

/// The error is a sentence.
fn exported(export: &Export, redaction: Option<Redaction>, words: &Words) -> Result<(), String> {
    let mut opened = Opened::open(&export.file, words)?;
    let file = export.output().map(NewFile::create).transpose()?;
    let is_terminal = file.is_none() && io::stdout().is_terminal();
    let progress = if file.is_none() && (is_terminal || stdout::is_piped()) {
        Progress::hidden()
    } else {
        Progress::bytes(words, format!("exporting {}", export.file.display()), None)
    };
    // The copy that is masked lies beside the export, else where such things do.
    let near = export.output().map_or_else(|| env::temp_dir().join("sse-export"), Path::to_owned);
    let ending = {
        let (under_way, words, output, near) =
            (progress.clone(), *words, export.output().map(Path::to_owned), near.clone());
        end_when_asked(move || {
            under_way.clear();
            discard(&near);
            if let Some(path) = output {
                words.error(&format!("interrupted; there is no {}", path.display()));
            }
        })
    };
    let redacted = redaction.map(|redaction| {
        let what = format!("looking through {}", export.file.display());
        progress.before(what, || redacted(&opened.recording, &redaction, &near))
    });
    let redacted = match redacted.transpose() {
        Ok(redacted) => redacted,
        Err(error) => {
            progress.clear();
            return Err(format!("{} cannot be redacted: {error}", export.file.display()));
        }
    };
    let view = redacted.as_ref().map_or(&opened.recording, Redacted::recording).view();
    let written = write_to(file, export, &view, is_terminal, &progress);
    // From here on there is nothing to put away, and little left to do.
    drop(ending);
    progress.clear();
    let is_missing = opened.tell(words);
    let written = match written {
        Ok(written) => written,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) => {
            // What cannot be made of it says so itself.
            if error.kind() == io::ErrorKind::Other {
                return Err(error.to_string());
            }
            return Err(match export.output() {
                Some(path) => format!("{} cannot be written: {error}", path.display()),
                None => stdout::cannot_be_written(&error),
            });
        }
    };
    if !written.any && is_missing {
        return Err("nothing of that sort can be read in it".into());
    }
    if !written.any {
        let missing = export.attempt.and_then(|attempt| attempt::missing(&view, attempt));
        let lost = || lacks_request(&view, first(export)).filter(|_| export.form == Form::Curl);
        let missing = missing.or_else(lost);
        return Err(missing.unwrap_or_else(|| match export.attempt {
            _ if export.form == Form::Fixture => format!(
                "a test vector is of an event stream, and attempt {} brought none",
                first(export)
            ),
            Some(attempt) => format!("attempt {attempt} brought nothing of that sort"),
            None => "nothing of that sort is in it".into(),
        }));
    }
    if written.has_stand_ins {
        words.note(
            "what a terminal would act on stands as \\u{1b} and the like; for the bytes as they are, give \
             -o FILE or a pipe",
        );
    }
    if export.form == Form::Har
        && let Some(sentence) = oldest(&view)
            .filter(|oldest| export.attempt.is_none_or(|attempt| attempt == *oldest))
            .and_then(|oldest| lacks_request(&view, oldest))
    {
        words.warning(&sentence);
    }
    if written.left_out > 0 {
        let bytes = counted(written.left_out, "byte");
        let hint = match export.attempt {
            None if !is_missing => "; --attempt N writes one attempt to its end",
            None | Some(_) => "",
        };
        words.note(&format!(
            "left out: {bytes} of events that are not whole, which would run into what follows{hint}"
        ));
    }
    let recording = redacted.as_ref().map_or(&opened.recording, Redacted::recording);
    let attempt = if export.form == Form::Fixture { Some(first(export)) } else { export.attempt };
    if written.lacks_dropped
        && let Some(told) = TooLarge::of(recording, attempt).told()
    {
        words.warning(&format!(
            "{told}, so not in it; --as raw has the bytes, and sse import --max-line makes a recording of these"
        ));
    }
    if let Some(redacted) = &redacted {
        redact::tell(redacted.preview(), words);
    }
    if let Some(path) = export.output() {
        words.note(&format!("written to {}", path.display()));
    }
    if is_missing {
        return Err(format!("what is damaged is not in the export: {}", opened.missing()));
    }
    Ok(())
}

fn write_to(
    file: Option<NewFile>,
    export: &Export,
    view: &View,
    is_terminal: bool,
    progress: &Progress,
) -> io::Result<Written> {
    let progress = progress.clone();
    let Some(mut file) = file else {
        let inner = BufWriter::new(io::stdout().lock());
        return write(export, view, is_terminal, Counted { inner, progress });
    };
    let inner = BufWriter::new(&mut file);
    let written = write(export, view, is_terminal, Counted { inner, progress })?;
    if written.any {
        file.keep()?;
    }
    Ok(written)
}

fn write(
    export: &Export,
    view: &View,
    is_terminal: bool,
    mut out: impl Write,
) -> io::Result<Written> {
    let form = match export.form {
        // Every reader takes it for the same, so it is safe to show wherever it is copied to.
        Form::Har | Form::Fixture => StandIns::Json,
        Form::Raw | Form::Curl if is_terminal => StandIns::Words,
        // Lines of JSON have theirs already.
        Form::Raw | Form::Curl | Form::Ndjson => {
            let written = write_as_it_is(export, view, &mut out)?;
            out.flush()?;
            return Ok(written);
        }
    };
    let mut escaped = Escaped::new(out, form);
    let written = write_as_it_is(export, view, &mut escaped)?;
    let has_stand_ins = escaped.finish()? && form == StandIns::Words;
    Ok(Written { has_stand_ins, ..written })
}

fn write_as_it_is(export: &Export, view: &View, out: &mut impl Write) -> io::Result<Written> {
    let wrote = |any| Written { any, has_stand_ins: false, left_out: 0, lacks_dropped: false };
    let attempt = export.attempt;
    let first = first(export);
    let text = match export.form {
        Form::Ndjson => {
            let any = lines(view, attempt, out)?;
            return Ok(Written { lacks_dropped: true, ..wrote(any) });
        }
        Form::Raw => {
            let Bodies { bytes, left_out, .. } = export::raw(view, attempt, out)?;
            return Ok(Written { left_out, ..wrote(bytes > 0) });
        }
        Form::Har => return Ok(wrote(export::har(view, attempt, out)? > 0)),
        Form::Curl => export::curl(view, first)?,
        Form::Fixture => {
            export::fixture(view, first, "recorded")?.map(|fixture| fixture.vector.to_string())
        }
    };
    let Some(text) = text else { return Ok(wrote(false)) };
    writeln!(out, "{text}")?;
    Ok(Written { lacks_dropped: export.form == Form::Fixture, ..wrote(true) })
}

/// Of which attempt the oldest row is.
fn oldest(view: &View) -> Option<u32> {
    view.row(view.first_row()).map(|row| row.attempt)
}

/// That the request of an attempt was dropped with the oldest rows, if it was.
fn lacks_request(view: &View, attempt: u32) -> Option<String> {
    let oldest = view.row(view.first_row())?;
    let url = &view.origin().url;
    let is_dropped = oldest.attempt >= attempt
        && !matches!(oldest.kind, RowKind::Connecting | RowKind::Damaged)
        && !url.is_empty();
    is_dropped.then(|| {
        format!(
            "the request of attempt {attempt} is not in it: the oldest rows were dropped; its URL is {}",
            escape::shown(url)
        )
    })
}

/// The attempt of what is made of one alone.
fn first(export: &Export) -> u32 {
    export.attempt.unwrap_or(1)
}

fn lines(view: &View, attempt: Option<u32>, out: &mut impl Write) -> io::Result<bool> {
    let mut query = Query::new().kind(Kind::Event).kind(Kind::Comment).kind(Kind::DecodeError);
    if let Some(attempt) = attempt {
        query = query.attempts(attempt..=attempt);
    }
    let mut events = 0;
    let mut any = false;
    let mut text = String::new();
    let mut ndjson = Ndjson::default().untimed(view.origin().untimed);
    let mut next = Some(0);
    while let Some(from) = next {
        let hits = view.find(&query, from, Order::Forward, Budget::hits(PAGE));
        for row in view.rows(&hits.numbers, usize::MAX) {
            any |= row.kind != RowKind::Damaged;
            if row.kind == RowKind::DecodeError {
                ndjson.write_dropped(&row, view.dropped(row.number).as_ref(), None, &mut text);
                continue;
            }
            if !matches!(row.kind, RowKind::Event | RowKind::Comment) {
                // What is damaged is told beside it.
                continue;
            }
            events += u64::from(row.kind == RowKind::Event);
            ndjson.write(&row, events, None, &mut text);
        }
        out.write_all(text.as_bytes())?;
        text.clear();
        next = hits.next;
    }
    Ok(any)
}
