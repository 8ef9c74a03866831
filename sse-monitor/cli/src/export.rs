//! `sse export`: what other programs read.

use std::{
    fs,
    io::{self, BufWriter, IsTerminal, Write},
};

use sse_monitor_engine::{
    RowKind, View,
    query::{Budget, Kind, Order, Query},
    recording::{Recording, export},
};

use crate::{
    args::{Colour, Export, Form},
    escape::{Escaped, StandIns},
    exit::Exit,
    new_file::{NewFile, part_of},
    progress::{Counted, Progress},
    signals::end_when_asked,
    stdout,
    tail::{is_coloured, ndjson::Ndjson},
    words::Words,
};

/// Rows written at a time.
const PAGE: usize = 512;

/// What became of it.
struct Written {
    /// Whether there was anything to write.
    any: bool,
    /// Whether stand-ins are in it, so that it is not what was recorded.
    has_stand_ins: bool,
}

/// Runs the command to its end.
pub(crate) fn run(export: &Export) -> Exit {
    let words = Words::new(is_coloured(Colour::Auto, &io::stderr()), false);
    if export.form == Form::Har && export.attempt.is_some() {
        words.error("a HAR file has all attempts, each as an entry; --attempt is of other forms");
        return Exit::Usage;
    }
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
    let file = match export.output.as_deref().map(NewFile::create).transpose() {
        Ok(file) => file,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Other;
        }
    };
    let is_terminal = file.is_none() && io::stdout().is_terminal();
    let progress = if file.is_none() && (is_terminal || stdout::is_piped()) {
        Progress::hidden()
    } else {
        Progress::bytes(&words, format!("exporting {}", export.file.display()), None)
    };
    let (under_way, output) = (progress.clone(), export.output.clone());
    let _ending = end_when_asked(move || {
        under_way.clear();
        if let Some(path) = output {
            let _ = fs::remove_file(part_of(&path));
            words.error(&format!("interrupted; there is no {}", path.display()));
        }
    });
    let view = recording.view();
    let written = match file {
        Some(mut file) => {
            let out = Counted { inner: BufWriter::new(&mut file), progress: progress.clone() };
            let written = write(export, &view, is_terminal, out);
            match written {
                Ok(Written { any: true, .. }) => file.keep().and(written),
                Ok(_) | Err(_) => written,
            }
        }
        None => {
            let out = BufWriter::new(io::stdout().lock());
            write(export, &view, is_terminal, Counted { inner: out, progress: progress.clone() })
        }
    };
    progress.clear();
    match written {
        Ok(Written { any: true, has_stand_ins }) => {
            if has_stand_ins {
                words.note(
                    "what a terminal would act on stands as \\u{1b} and the like; for the bytes as \
                     they are, give -o FILE or a pipe",
                );
            }
            Exit::Done
        }
        Ok(Written { any: false, .. }) => {
            words.error("there is no such attempt in it, or it brought nothing of that sort");
            Exit::Other
        }
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => {
            words.error(&match &export.output {
                Some(path) => format!("{} cannot be written: {error}", path.display()),
                None => stdout::cannot_be_written(&error),
            });
            Exit::Other
        }
    }
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
            let any = write_as_it_is(export, view, &mut out)?;
            out.flush()?;
            return Ok(Written { any, has_stand_ins: false });
        }
    };
    let mut escaped = Escaped::new(out, form);
    let any = write_as_it_is(export, view, &mut escaped)?;
    let has_stand_ins = escaped.finish()? && form == StandIns::Words;
    Ok(Written { any, has_stand_ins })
}

/// Whether there was anything to write.
fn write_as_it_is(export: &Export, view: &View, out: &mut impl Write) -> io::Result<bool> {
    let attempt = export.attempt;
    let first = attempt.unwrap_or(1);
    let text = match export.form {
        Form::Ndjson => return lines(view, attempt, out),
        Form::Raw => return Ok(export::raw(view, attempt, out)? > 0),
        Form::Har => return export::har(view, out).map(|()| true),
        Form::Curl => export::curl(view, first)?,
        Form::Fixture => export::fixture(view, first, "recorded")?.map(|vector| vector.to_string()),
    };
    let Some(text) = text else { return Ok(false) };
    writeln!(out, "{text}")?;
    Ok(true)
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
            events += u64::from(row.kind == RowKind::Event);
            any = true;
            ndjson.write(&row, events, None, &mut text);
        }
        out.write_all(text.as_bytes())?;
        text.clear();
        next = hits.next;
    }
    Ok(any)
}
