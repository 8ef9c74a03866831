//! `sse export` and `sse import`.

use std::{
    env,
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use sse_monitor_engine::{
    View,
    query::{Budget, Kind, Order, Query},
    recording::{
        self, Recording, Source, export,
        redact::{Redacted, Redaction},
    },
};

use crate::{
    args::{self, Colour, Export, Form, Import},
    exit::Exit,
    redact,
    tail::{is_coloured, ndjson::Ndjson},
    words::Words,
};

/// Rows written at a time.
const PAGE: usize = 512;

/// Enough of a file to see what it is.
const BEGINNING: u64 = 4096;

/// Runs `sse export` to its end.
pub(crate) fn export(export: &Export) -> Exit {
    let words = words();
    let redaction = match redaction(export) {
        Ok(redaction) => redaction,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Usage;
        }
    };
    let recording = match Recording::open(&export.file) {
        Ok(recording) => recording,
        Err(error) => {
            words.error(&error.to_string());
            return Exit::Other;
        }
    };
    for damage in recording.damage() {
        words.warning(&damage.to_string());
    }
    let redacted = match redaction.map(|redaction| redacted(export, &recording, &redaction)) {
        Some(Ok(redacted)) => Some(redacted),
        Some(Err(error)) => {
            words.error(&format!("{} cannot be redacted: {error}", export.file.display()));
            return Exit::Other;
        }
        None => None,
    };
    let told = recording.damage().len();
    let view = redacted.as_ref().map_or(&recording, Redacted::recording).view();
    let written = match &export.output {
        Some(path) => {
            File::create_new(path).and_then(|file| write(export, &view, BufWriter::new(file)))
        }
        None => write(export, &view, BufWriter::new(io::stdout().lock())),
    };
    // What was met while it was read, and left out.
    let missing = recording.damage().split_off(told);
    for damage in &missing {
        words.warning(&damage.to_string());
    }
    match written {
        Ok(true) if !missing.is_empty() => {
            words.error("what is damaged is not in the export");
            Exit::Other
        }
        Ok(true) => {
            if let Some(redacted) = &redacted {
                redact::tell(redacted.preview(), &words);
            }
            Exit::Done
        }
        Ok(false) => {
            words.error("there is no such attempt in it, or it brought nothing of that sort");
            Exit::Other
        }
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => {
            let to = export.output.as_deref().map_or("stdout".into(), Path::to_string_lossy);
            words.error(&format!("the export cannot be written to {to}: {error}"));
            Exit::Other
        }
    }
}

/// What is masked, if that is asked for.
fn redaction(export: &Export) -> Result<Option<Redaction>, String> {
    match (export.redact, export.patterns.is_empty()) {
        (true, _) => export.patterns.redaction().map(Some),
        (false, true) => Ok(None),
        (false, false) => {
            Err("--text, --regex and --json say what --redact masks: give --redact too".into())
        }
    }
}

/// The recording with that masked, for as long as it is exported.
fn redacted(export: &Export, recording: &Recording, redaction: &Redaction) -> io::Result<Redacted> {
    let near = export.output.clone().unwrap_or_else(|| env::temp_dir().join("sse-export"));
    recording::redact::redacted(recording, redaction, &near)
}

/// Whether there was anything to write.
fn write(export: &Export, view: &View, mut out: impl Write) -> io::Result<bool> {
    let attempt = export.attempt;
    let first = attempt.unwrap_or(1);
    let found = match export.form {
        Form::Ndjson => lines(view, attempt, &mut out)?,
        Form::Raw => export::raw(view, attempt, &mut out)? > 0,
        Form::Har => {
            export::har(view, &mut out)?;
            true
        }
        Form::Curl => match export::curl(view, first)? {
            Some(command) => {
                writeln!(out, "{command}")?;
                true
            }
            None => false,
        },
        Form::Fixture => match export::fixture(view, first, "recorded")? {
            Some(vector) => {
                writeln!(out, "{vector}")?;
                true
            }
            None => false,
        },
    };
    out.flush()?;
    Ok(found)
}

fn lines(view: &View, attempt: Option<u32>, out: &mut impl Write) -> io::Result<bool> {
    let mut query = Query::new().kind(Kind::Event).kind(Kind::Comment);
    if let Some(attempt) = attempt {
        query = query.attempts(attempt..=attempt);
    }
    let mut events = 0;
    let mut any = false;
    let mut text = String::new();
    let mut ndjson = Ndjson::default();
    let mut next = Some(0);
    while let Some(from) = next {
        let hits = view.find(&query, from, Order::Forward, Budget::hits(PAGE));
        for row in view.rows(&hits.numbers, usize::MAX) {
            events += u64::from(row.kind == sse_monitor_engine::RowKind::Event);
            any = true;
            ndjson.write(&row, events, None, &mut text);
        }
        out.write_all(text.as_bytes())?;
        text.clear();
        next = hits.next;
    }
    Ok(any)
}

/// Runs `sse import` to its end.
pub(crate) fn import(import: &Import) -> Exit {
    let words = words();
    let name = import.file.display().to_string();
    let is_stdin = name == "-";
    let file: io::Result<Box<dyn Read>> = if is_stdin {
        Ok(Box::new(io::stdin()))
    } else {
        File::open(&import.file).map(|file| Box::new(file) as Box<dyn Read>)
    };
    let mut beginning = Vec::new();
    let read = file.and_then(|mut file| {
        file.by_ref().take(BEGINNING).read_to_end(&mut beginning)?;
        Ok(file)
    });
    let rest = match read {
        Ok(rest) => rest,
        Err(error) => {
            words.error(&format!("{name} cannot be read: {error}"));
            return Exit::Other;
        }
    };
    let source = match import.from {
        Some(args::From::Raw) => Source::Raw,
        Some(args::From::Ndjson) => Source::Ndjson,
        Some(args::From::Har) => Source::Har,
        None => Source::guess(&beginning),
    };
    let called = if is_stdin { "stdin" } else { &name };
    match recording::import(beginning.chain(rest), source, called, &import.output) {
        Ok(events) => {
            let size = fs::metadata(&import.output).map(|file| file.len()).unwrap_or_default();
            words.note(&format!(
                "imported {events} events into {} ({})",
                import.output.display(),
                indicatif::HumanBytes(size)
            ));
            Exit::Done
        }
        Err(error) => {
            words.error(&format!("{called} cannot be imported: {error}"));
            Exit::Other
        }
    }
}

fn words() -> Words {
    Words::new(is_coloured(Colour::Auto, &io::stderr()), false)
}
