//! What the page's main thread does in each frame, as the page itself sees it, and what the kernel says
//! of the thread beside it.

use core::{fmt, time::Duration};
use std::fs;

use serde::Deserialize;
use tokio::time::sleep;

use super::{LOOK_EVERY, desk::Desk};

/// Measures each frame from the beginning of the rendering update (the time its callbacks are given, so
/// that events told of before them count) to the first task after it: what the page's scripts do, styles,
/// layout and painting. A frame's message bears its own beginning, so that one that comes late counts
/// whole. WebKit's clock tells whole milliseconds.
const BEGIN: &str = r"
    const events = () =>
        Number((document.querySelector('#events b')?.textContent ?? '0').replaceAll(',', ''));
    const measured = { work: [], between: [], running: true, events };
    const channel = new MessageChannel();
    channel.port1.onmessage = ({ data }) => measured.work.push(performance.now() - data);
    let before = null;
    const turn = (at) => {
        if (!measured.running) return;
        requestAnimationFrame(turn);
        if (before !== null) measured.between.push(at - before);
        before = at;
        channel.port2.postMessage(at);
    };
    requestAnimationFrame(turn);
    measured.begun = { at: performance.now(), events: events() };
    window.measured = measured;
";

const END: &str = r"
    const { work, between, begun, events } = window.measured;
    window.measured.running = false;
    const seconds = (performance.now() - begun.at) / 1000;
    return { work, between, seconds, events: events() - begun.events };
";

/// What was measured, in milliseconds.
#[derive(Debug, Deserialize)]
pub(crate) struct Frames {
    /// Of the main thread in each frame.
    pub(crate) work: Vec<f64>,
    /// From each frame to the next.
    pub(crate) between: Vec<f64>,
    /// How long it was measured.
    pub(crate) seconds: f64,
    /// How many events the page counted meanwhile.
    pub(crate) events: f64,
    /// What the kernel says of the main thread in that time.
    #[serde(skip)]
    pub(crate) thread: Thread,
}

/// What a thread had of the processors.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Thread {
    pub(crate) ran: Duration,
    /// It could have run, but others did.
    pub(crate) waited: Duration,
}

/// A measurement under way.
#[derive(Debug)]
pub(crate) struct Measuring<'a> {
    desk: &'a Desk,
    process: u32,
    begun: Thread,
}

impl<'a> Measuring<'a> {
    pub(crate) async fn begin(desk: &'a Desk) -> Self {
        let process = desk.page_process();
        desk.ask(BEGIN).await;
        Self { desk, process, begun: Thread::main_of(process) }
    }

    /// Until there were so many frames.
    pub(crate) async fn frames(self, frames: usize) -> Frames {
        let ask = format!("return window.measured.work.length >= {frames}");
        self.until(&ask).await
    }

    /// Until the page counts so many events.
    pub(crate) async fn events(self, events: u64) -> Frames {
        self.until(&format!("return window.measured.events() >= {events}")).await
    }

    async fn until(self, ask: &str) -> Frames {
        // Seldom, since the question is work of the main thread too.
        while self.desk.ask(ask).await != true {
            sleep(5 * LOOK_EVERY).await;
        }
        let frames = self.desk.ask(END).await;
        let ended = Thread::main_of(self.process);
        let mut frames: Frames = serde_json::from_value(frames).expect("frames");
        frames.work.sort_by(f64::total_cmp);
        frames.between.sort_by(f64::total_cmp);
        frames.thread.ran = ended.ran - self.begun.ran;
        frames.thread.waited = ended.waited - self.begun.waited;
        frames
    }
}

impl Thread {
    /// That of a process which has its number: the main one.
    fn main_of(process: u32) -> Self {
        let path = format!("/proc/{process}/task/{process}/schedstat");
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut nanos = text.split_whitespace().map_while(|word| word.parse().ok());
        let mut next = || Duration::from_nanos(nanos.next().unwrap_or_default());
        Self { ran: next(), waited: next() }
    }
}

impl fmt::Display for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |list: &[f64]| {
            let at = |percent| of_sorted(list, percent);
            format!(
                "p50 {:.0}, p95 {:.0}, p99 {:.0}, most {:.0} ms",
                at(50),
                at(95),
                at(99),
                at(100)
            )
        };
        let (work, between) = (told(&self.work), told(&self.between));
        write!(f, "{} frames: work {work}; from one to the next {between}", self.work.len())
    }
}

/// That which so many percent of them do not pass.
pub(crate) fn of_sorted(list: &[f64], percent: usize) -> f64 {
    let at = (list.len() * percent).div_ceil(100).saturating_sub(1);
    list.get(at).copied().unwrap_or_default()
}
