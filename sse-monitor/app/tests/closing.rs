//! How the window closes over rows that are in no file, driven as `window.rs` drives it.

#![cfg(target_os = "linux")]
#![allow(dead_code, reason = "the other tests of the window use the rest of it")]

mod support;

use fantoccini::key::Key;
use support::{desk::Desk, flood::Flood};

const ASKS: &str =
    "return /^Closing lets go of 2,/.test(document.querySelector('#question p')?.textContent)";

#[tokio::test]
async fn many_rows_that_are_in_no_file_are_asked_about_before_the_window_closes() {
    let folder = tempfile::tempdir().unwrap();
    let flood = Flood::start().await;
    let desk = watching(&flood, 2000).await;
    desk.ask_to_close();
    desk.until("a question", ASKS).await;
    desk.picture("closing").await;
    desk.key(char::from(Key::Escape)).await;
    desk.until("none", "return document.querySelector('#question') === null").await;
    let seen = desk.look().await;
    assert!(seen.state == "open" && seen.totals.contains("2,000 events"), "{seen:?}");

    // Asked once more it asks once more; Enter presses what loses nothing.
    desk.ask_to_close();
    desk.until("a question", ASKS).await;
    desk.ask_to_close();
    desk.until("a question", ASKS).await;
    desk.key(char::from(Key::Enter)).await;
    desk.enter_path(&folder.path().join("none/feed").display().to_string()).await;
    desk.see("why not", |seen| seen.path_refused.contains("no folder")).await;
    let file = folder.path().join("feed.ssrec");
    let window = desk.window_process();
    let path = serde_json::to_string(&file).unwrap();
    let save = format!(
        "const field = document.querySelector('#path');
         field.value = {path};
         field.form.requestSubmit();"
    );
    at_more_rows(&desk, &flood, &save).await;
    desk.closed(window).await;
    assert!(file.exists(), "they are in their file by then");
}

#[tokio::test]
async fn rows_that_are_discarded_go_with_the_window() {
    let flood = Flood::start().await;
    let desk = watching(&flood, 2000).await;
    let window = desk.ask_to_close();
    desk.until("a question", ASKS).await;
    let discard = "document.querySelector('#question button:nth-of-type(2)').click();";
    at_more_rows(&desk, &flood, discard).await;
    desk.closed(window).await;
}

#[tokio::test]
async fn few_rows_are_not_asked_about_nor_many_by_a_signal() {
    let flood = Flood::start().await;
    let desk = watching(&flood, 900).await;
    let window = desk.ask_to_close();
    desk.closed(window).await;

    for asked_before in [false, true] {
        let flood = Flood::start().await;
        let desk = watching(&flood, 2000).await;
        if asked_before {
            desk.ask_to_close();
            desk.until("a question", ASKS).await;
        }
        let window = desk.signal("-TERM");
        desk.closed(window).await;
    }
}

#[tokio::test]
async fn a_page_that_hangs_does_not_keep_the_window_open() {
    for asked_before in [false, true] {
        let flood = Flood::start().await;
        let desk = watching(&flood, 2000).await;
        if asked_before {
            desk.ask_to_close();
            desk.until("a question", ASKS).await;
        }
        at_more_rows(&desk, &flood, "for (;;);").await;
        desk.ask_until_closed().await;
    }
}

#[tokio::test]
async fn the_question_stays_in_sight_where_the_window_is_zoomed() {
    let flood = Flood::start().await;
    let desk = watching(&flood, 2000).await;
    desk.resize(640, 400).await;
    desk.ask_to_close();
    desk.until("a question", ASKS).await;
    for factor in ["1.5", "2", "1"] {
        desk.zoom(factor).await;
        desk.picture(&format!("closing-zoomed-{factor}")).await;
        // Where there is no room for all of it, its text and the first answer.
        let seen = "
            const box = document.querySelector('header').getBoundingClientRect();
            const text = document.querySelector('#question p').getBoundingClientRect();
            const save = document.querySelector('#question button').getBoundingClientRect();
            return text.top > box.top - 1 && (save.top + save.bottom) / 2 < box.bottom;
        ";
        desk.until(&format!("the question in sight at {factor}"), seen).await;
    }
    desk.close().await;
}

/// The window on a stream from which so many events came.
async fn watching(flood: &Flood, events: u64) -> Desk {
    let desk = Desk::open(&[&flood.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    flood.send(events, 100_000);
    let came = if events < 1000 { format!("{events} events") } else { "2,000 events".into() };
    desk.see("all of it", |seen| seen.totals.contains(&came)).await;
    desk
}

/// Has the page do what the driver would get no answer of: once there are more rows, which come then.
async fn at_more_rows(desk: &Desk, flood: &Flood, script: &str) {
    let act = format!(
        "
            const told = {{ subtree: true, characterData: true, childList: true }};
            const act = (_, observer) => {{ observer.disconnect(); {script} }};
            new MutationObserver(act).observe(document.querySelector('#events'), told);
        "
    );
    desk.ask(&act).await;
    flood.send(1, 100_000);
}
