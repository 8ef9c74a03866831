//! What the page's main thread does in each frame: as the page itself sees it, by the clock, and as the
//! kernel does, which leaves out the time in which others ran.

use core::{fmt, time::Duration};

use serde::Deserialize;
use tokio::time::sleep;

use super::{
    LOOK_EVERY,
    desk::Desk,
    spent::{Sampler, millis, of_main_thread, of_process},
};

/// Measures each frame from the beginning of the rendering update (the time its callbacks are given, so
/// that events told of before them count) to the first task after it: what the page's scripts do, styles,
/// layout and painting. A frame's message bears its own beginning, so that one that comes late counts
/// whole. WebKit's clock tells whole milliseconds.
const BEGIN: &str = r"
    const events = () =>
        Number((document.querySelector('#events b')?.textContent ?? '0').replaceAll(',', ''));
    const measured = { frames: [], running: true, events };
    const channel = new MessageChannel();
    channel.port1.onmessage = ({ data }) => measured.frames.push([data, performance.now() - data]);
    const turn = (at) => {
        if (!measured.running) return;
        requestAnimationFrame(turn);
        channel.port2.postMessage(at);
    };
    requestAnimationFrame(turn);
    measured.begun = { at: performance.now(), events: events() };
    window.measured = measured;
";

const END: &str = r"
    const { frames, begun, events } = window.measured;
    window.measured.running = false;
    const millis = performance.now() - begun.at;
    return { frames, millis, events: events() - begun.events, origin: performance.timeOrigin };
";

/// What was measured; all times in milliseconds.
#[derive(Debug)]
pub(crate) struct Frames {
    /// By the page's clock: the work of each frame, in order of length.
    pub(crate) work: Vec<f64>,
    /// From each frame to the next, the same.
    pub(crate) between: Vec<f64>,
    /// What the main thread had of a processor from each frame to the next, by the kernel, the same. The
    /// answers that come between two frames count too.
    pub(crate) ran: Vec<f64>,
    /// How long it was measured.
    pub(crate) millis: f64,
    /// How many events the page counted meanwhile.
    pub(crate) events: f64,
    /// What each had of the processors meanwhile.
    pub(crate) spent: Spent<f64>,
}

/// What each of the processes had of the processors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent<T> {
    /// The page's main thread, and its other ones, which paint and put layers together.
    pub(crate) page_main: T,
    pub(crate) page_others: T,
    /// The window's process: the engine, and what shows the page.
    pub(crate) window: T,
    /// WebKit's process for the network, and the display.
    pub(crate) system: T,
    /// The measuring process, which sends the stream.
    pub(crate) sender: T,
}

/// As the page tells it.
#[derive(Debug, Deserialize)]
struct Told {
    frames: Vec<(f64, f64)>,
    millis: f64,
    events: f64,
    origin: f64,
}

/// A measurement under way.
#[derive(Debug)]
pub(crate) struct Measuring<'a> {
    desk: &'a Desk,
    sampler: Sampler,
    begun: Spent<Duration>,
}

impl<'a> Measuring<'a> {
    pub(crate) async fn begin(desk: &'a Desk) -> Self {
        let sampler = Sampler::start(desk.page_process());
        desk.ask(BEGIN).await;
        Self { desk, sampler, begun: Spent::so_far(desk) }
    }

    /// Until there were so many frames.
    pub(crate) async fn frames(self, frames: usize) -> Frames {
        let ask = format!("return window.measured.frames.length >= {frames}");
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
        let told: Told = serde_json::from_value(self.desk.ask(END).await).expect("frames");
        let spent = Spent::so_far(self.desk).since(self.begun);
        let curve = self.sampler.end();
        let pairs = || told.frames.windows(2).map(|pair| (pair[0].0, pair[1].0));
        let ran = |(from, to)| curve.at(told.origin + to) - curve.at(told.origin + from);
        Frames {
            work: sorted(told.frames.iter().map(|(_, work)| *work)),
            between: sorted(pairs().map(|(from, to)| to - from)),
            ran: sorted(pairs().map(ran)),
            millis: told.millis,
            events: told.events,
            spent,
        }
    }
}

impl Spent<Duration> {
    fn so_far(desk: &Desk) -> Self {
        let page = desk.page_process();
        let page_main = of_main_thread(page);
        Self {
            page_main,
            page_others: of_process(page).saturating_sub(page_main),
            window: of_process(desk.window_process()),
            system: desk.system_processes().into_iter().map(of_process).sum(),
            sender: of_process(std::process::id()),
        }
    }

    fn since(self, before: Self) -> Spent<f64> {
        let passed = |now: Duration, before| millis(now.saturating_sub(before));
        Spent {
            page_main: passed(self.page_main, before.page_main),
            page_others: passed(self.page_others, before.page_others),
            window: passed(self.window, before.window),
            system: passed(self.system, before.system),
            sender: passed(self.sender, before.sender),
        }
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
        let (work, ran, between) = (told(&self.work), told(&self.ran), told(&self.between));
        write!(
            f,
            "{} frames: work {work}; of the processor {ran}; from one to the next {between}",
            self.work.len()
        )
    }
}

fn sorted(list: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut list: Vec<f64> = list.collect();
    list.sort_by(f64::total_cmp);
    list
}

/// That which so many percent of them do not pass.
pub(crate) fn of_sorted(list: &[f64], percent: usize) -> f64 {
    let at = (list.len() * percent).div_ceil(100).saturating_sub(1);
    list.get(at).copied().unwrap_or_default()
}
