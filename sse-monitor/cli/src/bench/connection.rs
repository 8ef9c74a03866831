//! One of the connections that are measured.

use alloc::sync::Arc;
use core::time::Duration;
use std::time::Instant;

use sse_codec::{Decoder, Item};
use sse_monitor_engine::{Answer, Caller, Failure, Fault};
use tokio::time;

use super::{stamp::micros, tally::Tally, trail::Trails};

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
    pub(super) trail: Trails,
    /// When its first attempt was open, since the run began.
    pub(super) opened_at: Option<Duration>,
    pub(super) is_open: bool,
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
            trail: Trails::default(),
            opened_at: None,
            is_open: false,
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
                Ok(answer) => {
                    self.opened(asked, is_first);
                    let failure = self.read(answer, asked).await;
                    self.closed(failure.as_ref());
                }
                Err(failure) => {
                    let mut counts = self.tally.counts();
                    counts.failed += u64::from(is_first);
                    counts.failure(&failure);
                    drop(counts);
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
            self.opened_at = Some(self.began.elapsed());
        } else {
            counts.resumed += 1;
        }
        if is_first {
            counts.open_time.saturating_record(micros(asked.elapsed()).max(1));
        }
        drop(counts);
        self.is_open = true;
        if is_first {
            self.tally.tried();
        }
    }

    /// The stream ended, or broke.
    fn closed(&mut self, failure: Option<&Failure>) {
        self.decoder.finish();
        self.is_open = false;
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

    async fn read(&mut self, mut answer: Answer, asked: Instant) -> Option<Failure> {
        loop {
            let chunk = match answer.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return None,
                Err(failure) => return Some(failure),
            };
            let now = self.began.elapsed();
            let Self { decoder, tally, trail, saw_event, wait, .. } = self;
            // Once a chunk, so that connections do not queue for each event.
            let mut counts = tally.counts();
            counts.bytes += chunk.len() as u64;
            decoder.visit(&chunk, |item| match item {
                Ok(Item::Event(event)) => {
                    if !*saw_event {
                        *saw_event = true;
                        let time = micros(asked.elapsed()).max(1);
                        counts.first_event.saturating_record(time);
                    }
                    let id = event.has_id.then_some(event.last_event_id);
                    counts.event(&tally.marks, trail, event.data, id, now);
                }
                Ok(Item::ReconnectionTime { duration, .. }) => {
                    *wait = duration.min(LONGEST_WAIT);
                }
                Ok(_) => {}
                Err(_) => counts.dropped += 1,
            });
        }
    }
}

async fn open(caller: &Caller, last_event_id: &str) -> Result<Answer, Failure> {
    let opening = async {
        let answer = caller.open(last_event_id).await?;
        if answer.is_event_stream() {
            return Ok(answer);
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
