//! One of the connections that are measured.

use alloc::sync::Arc;
use core::time::Duration;
use std::time::Instant;

use serde::de::IgnoredAny;
use sse_codec::{Decoder, Item, Limits, Line, Lines};
use sse_monitor_engine::{Answer, Caller, Failure, Fault, Format};
use tokio::time;

use super::{
    stamp::micros,
    tally::{Counts, Tally},
    trail::Trails,
};

/// How long it waits before the next attempt, unless the stream says.
const WAIT: Duration = Duration::from_secs(1);

/// A stream need not ask to be left alone for longer than a run goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long an answer may take.
const LONGEST_OPENING: Duration = Duration::from_secs(30);

/// One connection, over all its attempts.
pub(super) struct Connection {
    caller: Caller,
    tally: Arc<Tally>,
    began: Instant,
    once: bool,
    decoder: Decoder,
    /// Of a stream of JSON, a line of which is an event.
    lines: Lines,
    pub(super) trail: Trails,
    /// When its first attempt was open, since the run began.
    pub(super) opened_at: Option<Duration>,
    pub(super) is_open: bool,
    /// It failed at first, and was not open since.
    has_failed: bool,
    saw_event: bool,
    wait: Duration,
}

impl Connection {
    pub(super) fn new(caller: Caller, tally: Arc<Tally>, began: Instant, once: bool) -> Self {
        Self {
            caller,
            tally,
            began,
            once,
            decoder: Decoder::new(),
            // A line of JSON is an event.
            lines: Lines::with_limit(Limits::default().event),
            trail: Trails::default(),
            opened_at: None,
            is_open: false,
            has_failed: false,
            saw_event: false,
            wait: WAIT,
        }
    }

    /// Reads until nothing more is to be tried; cancelled where the run ends.
    pub(super) async fn run(&mut self) {
        let mut is_first = true;
        loop {
            let asked = Instant::now();
            match open(&self.caller, self.decoder.last_event_id()).await {
                Ok(Some((answer, format))) => {
                    self.opened(asked, is_first);
                    let failure = self.read(answer, format, asked).await;
                    self.closed(failure.as_ref());
                }
                Ok(None) => {
                    let mut counts = self.tally.counts();
                    counts.ended += 1;
                    counts.told_to_stop += 1;
                    counts.failed -= u64::from(self.has_failed);
                    drop(counts);
                    if is_first {
                        self.tally.tried();
                    }
                    self.tally.over();
                    return;
                }
                Err(failure) => {
                    let mut counts = self.tally.counts();
                    counts.failed += u64::from(is_first);
                    counts.failure(&failure);
                    drop(counts);
                    self.has_failed |= is_first;
                    if is_first {
                        self.tally.tried();
                    }
                }
            }
            is_first = false;
            if self.once {
                self.tally.over();
                return;
            }
            time::sleep(self.wait).await;
        }
    }

    fn opened(&mut self, asked: Instant, is_first: bool) {
        let mut counts = self.tally.counts();
        counts.open += 1;
        if self.opened_at.is_none() {
            counts.opened += 1;
            counts.failed -= u64::from(core::mem::take(&mut self.has_failed));
            self.opened_at = Some(self.began.elapsed());
        } else {
            counts.resumed += 1;
        }
        if is_first {
            counts.open_time.saturating_record(micros(asked.elapsed()).max(1));
        }
        drop(counts);
        self.is_open = true;
        self.trail.begin_attempt();
        if is_first {
            self.tally.tried();
        }
    }

    /// The stream ended, or broke.
    fn closed(&mut self, failure: Option<&Failure>) {
        self.decoder.finish();
        self.is_open = false;
        self.lines.finish();
        let mut counts = self.tally.counts();
        counts.open -= 1;
        // Of one that is to be opened again any end is a cut.
        if self.once && failure.is_none() {
            counts.ended += 1;
        } else {
            counts.cut += 1;
        }
        if let Some(failure) = failure {
            counts.failure(failure);
        }
    }

    async fn read(
        &mut self,
        mut answer: Answer,
        format: Format,
        asked: Instant,
    ) -> Option<Failure> {
        let tally = Arc::clone(&self.tally);
        loop {
            let chunk = match answer.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => {
                    // A last line of JSON need not have an end.
                    let last = self.lines.unfinished();
                    let is_whole =
                        |line: Line<'_>| serde_json::from_slice::<IgnoredAny>(line.bytes);
                    if last.is_some_and(|line| is_whole(line).is_ok()) {
                        self.take(b"\n", format, asked, &mut tally.counts());
                    }
                    return None;
                }
                Err(failure) => return Some(failure),
            };
            // Once a chunk, so that connections do not queue for each event.
            let mut counts = tally.counts();
            counts.bytes += chunk.len() as u64;
            self.take(&chunk, format, asked, &mut counts);
        }
    }

    /// Counts what comes of the body.
    fn take(&mut self, mut bytes: &[u8], format: Format, asked: Instant, counts: &mut Counts) {
        let now = self.began.elapsed();
        let Self { decoder, lines, tally, trail, saw_event, wait, .. } = self;
        let mut event = |counts: &mut Counts, data: &str, id: Option<&str>| {
            if !core::mem::replace(saw_event, true) {
                counts.first_event.saturating_record(micros(asked.elapsed()).max(1));
            }
            counts.event(&tally.marks, trail, data, id, now);
        };
        if format == Format::Ndjson {
            loop {
                match lines.next_line(&mut bytes) {
                    Ok(Some(line)) if line.bytes.trim_ascii().is_empty() => {}
                    Ok(Some(line)) => event(counts, &String::from_utf8_lossy(line.bytes), None),
                    Ok(None) => return,
                    Err(_) => counts.dropped += 1,
                }
            }
        }
        decoder.visit(bytes, |item| match item {
            Ok(Item::Event(item)) => {
                event(counts, item.data, item.has_id.then_some(item.last_event_id));
            }
            Ok(Item::ReconnectionTime { duration, .. }) => *wait = duration.min(LONGEST_WAIT),
            Ok(_) => {}
            Err(_) => counts.dropped += 1,
        });
    }
}

/// `None`: the server says by status 204 that there is no stream any more, and that none is to be asked for.
async fn open(caller: &Caller, last_event_id: &str) -> Result<Option<(Answer, Format)>, Failure> {
    let opening = async {
        let answer = caller.open(last_event_id).await?;
        if let Some(format) = answer.format() {
            return Ok(Some((answer, format)));
        }
        if answer.status() == 204 {
            return Ok(None);
        }
        match answer.header("content-encoding") {
            Some(coding) if (200..300).contains(&answer.status()) => {
                let sentence = format!(
                    "the answer comes compressed ({coding}), which is not measured: ask for none, without \
                     a header Accept-Encoding"
                );
                Err(Failure { fault: Fault::Protocol, sentence })
            }
            None if (200..300).contains(&answer.status()) => {
                let sentence = format!(
                    "the server answered {} with {}, which is not an event stream (text/event-stream)",
                    answer.status(),
                    answer.header("content-type").unwrap_or("no content type")
                );
                Err(Failure { fault: Fault::Protocol, sentence })
            }
            _ => Err(answer.refusal().await),
        }
    };
    time::timeout(LONGEST_OPENING, opening).await.unwrap_or_else(|_| {
        let sentence = format!("there was no answer within {} s", LONGEST_OPENING.as_secs());
        Err(Failure { fault: Fault::TimedOut, sentence })
    })
}
