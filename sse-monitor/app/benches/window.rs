//! The window live at a hundred thousand events a second: what it asks of the page's main thread, and
//! whether anything is lost. The real program in the real WebKit; `cargo xtask bench window` runs it.

#![cfg_attr(not(target_os = "linux"), allow(unused))]

#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the window's tests use the rest of it")]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
use support::{
    desk::Desk,
    flood::{Flood, data, grouped},
    frames::{Frames, Measuring, of_sorted},
};

/// Events a second.
const RATE: u64 = 100_000;

/// How many events come in each state of the window, and how many states there are.
const EVENTS: u64 = 250_000;
const STATES: u64 = 4;

/// Scrolls by a little in each frame, to and fro, until told to stop.
const SCROLL: &str = r"
    const list = document.querySelector('.scroller');
    let by = -26 * 3;
    let turns = 0;
    window.scrolling = true;
    const turn = () => {
        if (!window.scrolling) return;
        requestAnimationFrame(turn);
        turns += 1;
        if (turns % 60 === 0) by = -by;
        list.scrollTop += by;
    };
    requestAnimationFrame(turn);
";

#[cfg(target_os = "linux")]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let flood = Flood::start().await;
    let desk = Desk::open(&[&flood.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    println!(
        "| {} events of about 300 bytes at {}/s | events/s counted | frames/s | work p50 | p95 | p99 | most | thread, mean |",
        grouped(STATES * EVENTS),
        grouped(RATE)
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    let live = async |state, number, does: &dyn Fn() -> Doing<'_>| {
        let measuring = Measuring::begin(&desk).await;
        flood.send(EVENTS, RATE);
        does().await;
        tell(state, &measuring.events(number * EVENTS).await);
        desk.picture(&format!("live-{number}")).await;
    };
    live("following the newest", 1, &|| Box::pin(async {})).await;
    let search = || desk.type_search("needle $.n >= 2000");
    live("a search typed, its hits followed", 2, &|| Box::pin(search())).await;
    desk.type_search("").await;
    let scroll = async || {
        desk.ask(SCROLL).await;
    };
    live("all rows, scrolled by three a frame", 3, &|| Box::pin(scroll())).await;
    desk.ask("window.scrolling = false").await;
    desk.click("#latest").await;
    live("paused", 4, &|| Box::pin(desk.click("#pause"))).await;
    desk.click("#pause").await;
    whole(&desk, STATES * EVENTS).await;
    desk.close().await;
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("The window is measured on Linux alone.");
}

#[cfg(target_os = "linux")]
type Doing<'a> = core::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

#[cfg(target_os = "linux")]
#[expect(clippy::cast_precision_loss, reason = "so many frames there are not")]
fn tell(state: &str, measured: &Frames) {
    let frames = measured.work.len() as f64;
    let at = |percent| of_sorted(&measured.work, percent);
    println!(
        "| {state} | {:.0} | {:.0} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {:.1} ms |",
        measured.events / measured.seconds,
        frames / measured.seconds,
        at(50),
        at(95),
        at(99),
        at(100),
        measured.thread.ran.as_secs_f64() * 1000.0 / frames,
    );
}

/// Nothing is lost: by the count, by the newest row and by what the engine says of the IDs.
#[cfg(target_os = "linux")]
async fn whole(desk: &Desk, sent: u64) {
    let total = format!("{} events", grouped(sent));
    desk.see("all events counted", |seen| seen.totals.contains(&total)).await;
    let last = data(sent - 1);
    desk.see("the newest", |seen| seen.rows.last().is_some_and(|row| row.begins(&last))).await;
    desk.click("#statistics").await;
    desk.see("that none is missed", |seen| seen.report.contains("Missed 0")).await;
    desk.see("that none is repeated", |seen| seen.report.contains("Repeated 0")).await;
    desk.picture("live-all").await;
    println!(
        "\nNothing lost: the page counts {} of {0} events, its last row is number {}, and by their ids \
         none is missed or repeated.",
        grouped(sent),
        grouped(sent - 1),
    );
}
