//! Makes the picture of the README: `SSE_MONITOR_PICTURES=$PWD/docs cargo test -p sse-monitor-app
//! --features picture --test picture`, with GTK_THEME=Adwaita:dark for a dark one.
//!
//! It waits for the demo's quiet spell, so it is no part of the ordinary tests.

#![cfg(target_os = "linux")]
#![allow(dead_code, reason = "the window's tests use the rest of it")]

mod support;

use support::{
    desk::{Desk, Seen},
    hub::Hub,
};

#[tokio::test]
async fn the_demo_is_shown_with_its_quiet_spell_and_an_event() {
    let hub = Hub::start_with(0, &["--demo"]);
    let desk = Desk::open(&[&hub.url()]).await;
    desk.resize(1100, 620).await;
    let varied = |seen: &Seen| {
        let in_sight = &seen.rows[seen.rows.len().saturating_sub(18)..];
        let at = |data: &str| in_sight.iter().position(|row| row.data.contains(data));
        at("heartbeat").is_some_and(|quiet| quiet < 9) && at("batch done").is_some()
    };
    desk.see("a quiet spell and what follows it", varied).await;
    desk.ask(
        "[...document.querySelectorAll('.seen [data-number]')]
            .sort((one, other) => one.ariaRowIndex - other.ariaRowIndex)
            .filter((row) => row.querySelector('.type').textContent === 'price').at(-4)
            .dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, button: 0, isPrimary: true, pointerType: 'mouse' }))",
    )
    .await;
    desk.see("an event in the pane", |seen| seen.pane.contains("symbol")).await;
    desk.picture("window").await;
    desk.close().await;
}
