//! The window under a flood: the real program in the real WebKit, reading as fast as a server sends.
//!
//! `SSE_MONITOR_FLOOD` says how many events; without it there are a hundred thousand, so that the
//! ordinary run stays short. For the figures:
//! `SSE_MONITOR_FLOOD=1000000 cargo test --release -p sse-monitor-app --test flood -- --nocapture`.

#![cfg(target_os = "linux")]
#![allow(dead_code, reason = "the window's tests use the rest of it")]

mod support;

use std::env;

use fantoccini::key::Key;
use support::{
    desk::Desk,
    flood::{Flood, data, grouped},
    frames::Measuring,
};

/// Events a second, for the first third.
const RATE: u64 = 100_000;

/// How many frames are measured at a time.
const FRAMES: usize = 90;

#[tokio::test]
async fn a_flood_is_shown_filtered_and_paused_and_nothing_of_it_is_lost() {
    let all = env::var("SSE_MONITOR_FLOOD").map_or(100_000, |text| text.parse().expect("a number"));
    let flood = Flood::start().await;
    let desk = Desk::open(&[&flood.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;

    // While it streams: the newest are followed, then filtered, then held.
    flood.send(all / 3, RATE);
    flood.send(all - all / 3, 10 * RATE);
    desk.see("events", |seen| seen.rows.iter().any(|row| row.event_type == "tick")).await;
    eprintln!("following: {}", Measuring::begin(&desk).await.frames(FRAMES).await);
    desk.type_search("needle $.n >= 2000").await;
    let seen = desk
        .see("what passes", |seen| {
            seen.rows.len() > 3 && seen.rows.iter().all(|row| row.data.contains("needle"))
        })
        .await;
    assert!(!seen.found.is_empty(), "{seen:?}");
    eprintln!("filtered: {}", Measuring::begin(&desk).await.frames(FRAMES).await);
    desk.type_search("").await;
    desk.see("all rows", |seen| seen.rows.iter().any(|row| row.data.contains("straw"))).await;
    desk.click("#pause").await;
    let held = desk.see("that it stands still", |seen| !seen.paused.is_empty()).await;
    let still = desk.look().await;
    assert_eq!(still.rows, held.rows);
    eprintln!("held: {}", Measuring::begin(&desk).await.frames(FRAMES).await);
    let total = format!("{} events", grouped(all));
    desk.see("all events counted", |seen| seen.totals.contains(&total)).await;
    assert_eq!(desk.look().await.rows, held.rows);
    desk.click("#pause").await;

    // Nothing is lost: by the engine's count of IDs, and by the rows at both ends and between them.
    let last = data(all - 1);
    desk.see("the newest", |seen| seen.rows.last().is_some_and(|row| row.begins(&last))).await;
    desk.click("#statistics").await;
    desk.see("the statistics", |seen| seen.report.contains("Missed 0")).await;
    let seen = desk.look().await;
    assert!(seen.report.contains("Repeated 0"), "{}", seen.report);
    desk.picture("flood").await;
    desk.click("#statistics").await;

    for part in ["0", "0.5", "0.25", "1"] {
        desk.ask(&format!(
            "const list = document.querySelector('.scroller');
            list.scrollTop = (list.scrollHeight - list.clientHeight) * {part};"
        ))
        .await;
        let share: f64 = part.parse().expect("a number");
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "about there"
        )]
        let near = (all as f64 * share) as u64;
        let is_near = |number: u64| number.abs_diff(near) <= all / 500 + 60;
        let numbers = desk.numbers(|numbers| numbers.iter().all(|(n, _)| is_near(*n))).await;
        assert!(numbers.len() > 10, "{part}: {numbers:?}");
        let first = numbers[0].0;
        for ((number, data_number), expected) in numbers.iter().zip(first..) {
            assert_eq!(*number, expected, "{part}: {numbers:?}");
            // Two turns of the connection come before the first event.
            assert!(data_number.is_none_or(|n| n + 3 == *number), "{part}: {numbers:?}");
        }
    }

    eprintln!("search: {}", desk.time_search("needle").await);
    desk.type_search("").await;
    desk.see("all rows", |seen| seen.rows.iter().any(|row| row.data.contains("straw"))).await;

    // By keys from end to end, exactly.
    desk.key_in_list(Key::Home).await;
    desk.see("the first row", |seen| seen.selected_number == "1").await;
    desk.key_in_list(Key::Down).await;
    desk.see("the row after it", |seen| seen.selected_number == "2").await;
    desk.key_in_list(Key::End).await;
    let newest = (all + 2).to_string();
    desk.see("the last row", |seen| seen.selected_number == newest).await;
    desk.see("it whole", |seen| seen.pane.contains(&format!("\"n\": {}", all - 1))).await;
    desk.close().await;
}
