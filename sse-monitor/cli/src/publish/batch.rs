//! Many events, a line each.

use alloc::sync::Arc;
use core::{
    ops::ControlFlow,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    thread,
    time::Instant,
};

use indicatif::HumanCount;
use sse_monitor_engine::{Caller, Failure, Fault};
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    time,
};

use super::{MOST_ANSWER, event::Template, ids, post, print};
use crate::{
    exit::Exit,
    progress::Progress,
    request::unreadable,
    signals::asked_to_end,
    words::{Words, counted},
};

/// As many events as a hub takes in one batch.
const MOST_EVENTS: usize = 1000;

/// Bytes of a batch, after which it is sent: well within what hubs take.
const MOST_BYTES: usize = 1 << 20;

/// Bytes of a line: more than an event may have.
const MOST_LINE: u64 = 4 << 20;

/// How often the hub may ask to wait before one batch is given up.
const MOST_WAITS: u32 = 30;

/// No longer is waited at once.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// An event, and the line that it stood in.
struct Line {
    number: u64,
    event: String,
}

/// Why it stopped.
struct Stop {
    exit: Exit,
    sentence: String,
    /// Whether it is a line that has to be mended.
    is_of_line: bool,
}

impl Stop {
    fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into(), is_of_line: false }
    }

    fn of_line(exit: Exit, sentence: String) -> Self {
        Self { exit, sentence, is_of_line: true }
    }
}

/// Sends all lines of `source`.
pub(crate) async fn run(
    mut caller: Caller,
    source: String,
    template: Template,
    words: &Words,
) -> Exit {
    let (sender, mut lines) = mpsc::channel(MOST_EVENTS);
    let reading = thread::Builder::new().name("sse-lines".into());
    let left_out = Arc::new(AtomicU64::new(0));
    let passed_over = Arc::clone(&left_out);
    if let Err(error) = reading.spawn(move || read_lines(&source, &template, &passed_over, &sender))
    {
        words.error(&format!("the lines cannot be read: {error}"));
        return Exit::Other;
    }
    let mut sent =
        Sent { words, events: 0, line: 0, began: Instant::now(), progress: Progress::line(words) };
    let stopped = tokio::select! {
        stopped = send_all(&mut caller, &mut lines, &mut sent) => stopped,
        exit = asked_to_end() => Err(Stop::new(exit, "interrupted")),
    };
    sent.progress.clear();
    let events = counted(sent.events, "event");
    match left_out.load(Ordering::Relaxed) {
        0 => {}
        1 => words.note("1 line of sse tail is no event to publish, and was left out"),
        several => words.note(&format!(
            "{} lines of sse tail are no events to publish, and were left out",
            HumanCount(several)
        )),
    }
    match stopped {
        Ok(()) => {
            words.note(&format!("published {events}"));
            Exit::Done
        }
        Err(Stop { exit, sentence, is_of_line }) => {
            let published = match sent.line {
                0 => "nothing was published".into(),
                last if is_of_line => format!(
                    "published before: {events}, up to line {last}; mend it, and go on from line {}",
                    last + 1
                ),
                last => format!("published before: {events}, up to line {last}"),
            };
            words.error(&format!("{sentence}; {published}"));
            exit
        }
    }
}

/// What was sent so far.
struct Sent<'a> {
    words: &'a Words,
    events: u64,
    /// The number of the latest line that was.
    line: u64,
    began: Instant,
    progress: Progress,
}

impl Sent<'_> {
    fn add(&mut self, ids: &[String], lines: &[Line]) -> ControlFlow<Exit> {
        self.events += lines.len() as u64;
        self.line = lines.last().map_or(self.line, |line| line.number);
        let rate = self.events as f64 / self.began.elapsed().as_secs_f64().max(1e-3);
        self.progress
            .say(format!("{} events published, {rate:.0} a second", HumanCount(self.events)));
        self.progress.aside(|| print(ids, self.words))
    }
}

async fn send_all(
    caller: &mut Caller,
    lines: &mut Receiver<Result<Line, Stop>>,
    sent: &mut Sent<'_>,
) -> Result<(), Stop> {
    let mut reads = true;
    loop {
        let mut batch: Vec<Line> = Vec::new();
        let mut bytes = 0;
        let mut stopped = None;
        while batch.len() < MOST_EVENTS && bytes < MOST_BYTES {
            // Only for the first it waits: what is there already goes along.
            let line = if batch.is_empty() {
                lines.recv().await
            } else {
                match lines.try_recv() {
                    Ok(line) => Some(line),
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => None,
                }
            };
            match line {
                None => {
                    reads = false;
                    break;
                }
                Some(Ok(line)) => {
                    bytes += line.event.len();
                    batch.push(line);
                }
                // What stood before it is sent all the same.
                Some(Err(stop)) => {
                    stopped = Some(stop);
                    break;
                }
            }
        }
        send(caller, &batch, sent).await?;
        if let Some(stop) = stopped {
            return Err(stop);
        }
        if !reads {
            return Ok(());
        }
    }
}

/// Sends a batch; in halves, where the hub does not take as many at once.
async fn send(caller: &mut Caller, batch: &[Line], sent: &mut Sent<'_>) -> Result<(), Stop> {
    let mut parts = vec![batch];
    while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
        match send_patiently(caller, part, sent.words).await {
            Ok(ids) => {
                if let ControlFlow::Break(exit @ Exit::Other) = sent.add(&ids, part) {
                    return Err(Stop::new(exit, "the IDs cannot be written"));
                }
            }
            Err((413, _)) if part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
            Err((_, failure)) => {
                let exit = failure.fault.into();
                if let Some(sentence) = in_line_of(part, &failure.sentence) {
                    return Err(Stop::of_line(exit, sentence));
                }
                let mut sentence = failure.sentence;
                // Where nobody was reached, nobody took any.
                if matches!(failure.fault, Fault::TimedOut | Fault::Ended) {
                    let (first, last) = (part[0].number, part[part.len() - 1].number);
                    let lines = match first == last {
                        true => format!("line {first}"),
                        false => format!("the lines {first} to {last}"),
                    };
                    sentence.push_str(&format!("; whether it took {lines} is not known"));
                }
                return Err(Stop::new(exit, sentence));
            }
        }
    }
    Ok(())
}

/// Sends it again as often as the hub asks to wait: of a batch that was refused nothing was taken. The
/// error comes with the HTTP status.
async fn send_patiently(
    caller: &mut Caller,
    batch: &[Line],
    words: &Words,
) -> Result<Vec<String>, (u16, Failure)> {
    let events: Vec<_> = batch.iter().map(|line| line.event.as_str()).collect();
    let body = events.join("\n");
    let mut waits = 0;
    loop {
        let answer = post(caller, body.clone()).await;
        let asked = answer.as_ref().map(|answer| (answer.status(), answer.retry_after()));
        let (status, wait) = asked.unwrap_or_default();
        match (status, wait) {
            (429 | 503, Some(wait)) if waits < MOST_WAITS => {
                waits += 1;
                if waits == 1 {
                    words.note(&format!("the server asks to wait {} s", wait.as_secs()));
                }
                // Read to its end, so that the connection can be used again.
                if let Ok(mut answer) = answer {
                    let _ = answer.bytes(MOST_ANSWER).await;
                }
                time::sleep(wait.min(LONGEST_WAIT)).await;
            }
            _ => return ids(answer).await.map_err(|failure| (status, failure)),
        }
    }
}

/// The server's sentence with the number of the line in all that is read, in the place of that in the
/// batch; `None`: it names no line.
fn in_line_of(batch: &[Line], sentence: &str) -> Option<String> {
    const IN_LINE: &str = "“In line ";
    let (before, after) = sentence.split_once(IN_LINE)?;
    let (number, after) = after.split_at(after.find(|c: char| !c.is_ascii_digit())?);
    let line = batch.get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
    Some(format!("{before}{IN_LINE}{}{after}", line.number))
}

/// Reads lines and sends them on, on a thread of its own, since stdin may wait for ever. Those that are no
/// events are counted.
fn read_lines(
    source: &str,
    template: &Template,
    left_out: &AtomicU64,
    sender: &Sender<Result<Line, Stop>>,
) {
    // Nobody listens once sending has ended.
    let stop = |stop: Stop| drop(sender.blocking_send(Err(stop)));
    let of_line = |sentence: String| stop(Stop::of_line(Exit::Other, sentence));
    let name = source.strip_prefix('@').unwrap_or(source);
    let file: Box<dyn Read> = match name {
        "-" => Box::new(io::stdin()),
        _ if source.starts_with('@') => match File::open(name) {
            Ok(file) => Box::new(file),
            Err(error) => return stop(Stop::new(Exit::Usage, unreadable(name, &error))),
        },
        _ => Box::new(io::Cursor::new(source.to_owned())),
    };
    let mut file = BufReader::with_capacity(64 << 10, file);
    for number in 1.. {
        let mut line = Vec::new();
        match file.by_ref().take(MOST_LINE + 1).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) => {}
            // It can be opened, as a folder can.
            Err(error) if number == 1 => {
                return stop(Stop::new(Exit::Usage, unreadable(name, &error)));
            }
            Err(error) => return stop(Stop::new(Exit::Other, unreadable(name, &error))),
        }
        if line.len() as u64 > MOST_LINE {
            return of_line(format!("line {number} has more than 4 MiB, which no event may have"));
        }
        let text = match core::str::from_utf8(&line) {
            Ok(text) => text,
            Err(error) => {
                let at = error.valid_up_to();
                return of_line(format!(
                    "line {number} is not UTF-8 at byte {at}; an event stream carries nothing else"
                ));
            }
        };
        if text.trim().is_empty() {
            continue;
        }
        match template.event_in(text.trim()) {
            Ok(None) => drop(left_out.fetch_add(1, Ordering::Relaxed)),
            Ok(Some(event)) => {
                if sender.blocking_send(Ok(Line { number, event })).is_err() {
                    return;
                }
            }
            // Whoever forgot the @ gave a name for the line.
            Err(_) if name != "-" && source == name && Path::new(name).is_file() => {
                let hint =
                    format!("{name} is no event but a file: to send its lines, write @{name}");
                return stop(Stop::new(Exit::Usage, hint));
            }
            Err(why) => return of_line(format!("line {number} {why}")),
        }
    }
}
