//! The window live at a hundred thousand events a second: what it asks of the page's main thread, and
//! whether anything is lost. The real program in the real WebKit; `cargo xtask bench window` runs it.

#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the window's tests use the rest of it")]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Runners of tests start it too, to be told what tests it has: none.
    if std::env::args().any(|arg| arg == "--bench") {
        live::measure().await;
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("The window is measured on Linux alone.");
}

#[cfg(target_os = "linux")]
mod live {
    use super::support::{
        desk::{Desk, SeenRow},
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

    struct Live {
        flood: Flood,
        desk: Desk,
        sent: u64,
    }

    pub(crate) async fn measure() {
        let flood = Flood::start().await;
        let desk = Desk::open(&[&flood.url()]).await;
        desk.see("the stream open", |seen| seen.state == "open").await;
        println!(
            "| {} events of about 300 bytes at {}/s | events/s counted | frames/s | work p50 | p95 | \
             p99 | most | processor p50 | p95 | p99 | page's other threads | window | display and \
             network | sender |",
            grouped(STATES * EVENTS),
            grouped(RATE)
        );
        println!("|---|{}", "--:|".repeat(13));
        let mut live = Live { flood, desk, sent: 0 };
        live.state("following the newest", async |_| {}).await;
        let search = async |desk: &Desk| desk.type_search("needle $.n >= 2000").await;
        live.state("a search typed, its hits followed", search).await;
        live.desk.type_search("").await;
        let is_straw = |row: &SeenRow| row.data.contains("straw");
        live.desk.see("all rows", |seen| seen.rows.iter().any(is_straw)).await;
        let scroll = async |desk: &Desk| {
            desk.ask(SCROLL).await;
        };
        live.state("all rows, scrolled by three a frame", scroll).await;
        live.desk.ask("window.scrolling = false").await;
        live.desk.click("#latest").await;
        live.state("paused", async |desk| desk.click("#pause").await).await;
        live.desk.click("#pause").await;
        live.whole().await;
        live.desk.close().await;
    }

    impl Live {
        /// Measures while events come, from before the window is brought to that state.
        async fn state(&mut self, name: &str, bring: impl AsyncFnOnce(&Desk)) {
            let measuring = Measuring::begin(&self.desk).await;
            self.flood.send(EVENTS, RATE);
            self.sent += EVENTS;
            bring(&self.desk).await;
            tell(name, &measuring.events(self.sent).await);
            self.desk.picture(&format!("live-{}", self.sent / EVENTS)).await;
        }

        /// Nothing is lost: by the count, by the newest row and by what the engine says of the IDs.
        async fn whole(&self) {
            let (desk, sent) = (&self.desk, self.sent);
            let total = format!("{} events", grouped(sent));
            desk.see("all events counted", |seen| seen.totals.contains(&total)).await;
            let last = data(sent - 1);
            desk.see("the newest", |seen| seen.rows.last().is_some_and(|row| row.begins(&last)))
                .await;
            desk.click("#statistics").await;
            desk.see("that none is missed", |seen| seen.report.contains("Missed 0")).await;
            desk.see("that none is repeated", |seen| seen.report.contains("Repeated 0")).await;
            desk.picture("live-all").await;
            println!(
                "\nNothing lost: the page counts {} of {0} events, its last row is number {}, and by \
                 their ids none is missed or repeated.",
                grouped(sent),
                grouped(sent - 1),
            );
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "so many frames there are not")]
    fn tell(state: &str, measured: &Frames) {
        let frames = measured.work.len() as f64;
        let seconds = measured.millis / 1000.0;
        let [work, ran] = [&measured.work, &measured.ran].map(|list| {
            move |percents: &[usize]| {
                let cells = percents.iter().map(|percent| of_sorted(list, *percent));
                cells.map(|millis| format!("{millis:.1} ms | ")).collect::<String>()
            }
        });
        let spent = &measured.spent;
        let others = [spent.page_others, spent.window, spent.system, spent.sender];
        let others: String =
            others.iter().map(|millis| format!("{:.1} ms | ", millis / frames)).collect();
        println!(
            "| {state} | {:.0} | {:.0} | {}{}{}",
            measured.events / seconds,
            frames / seconds,
            work(&[50, 95, 99, 100]),
            ran(&[50, 95, 99]),
            others.trim_end(),
        );
    }
}
