//! A stream to try things on: ticks, JSON, text of many lines, named types and quiet spells.

use core::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{EventType, Hub, Publish, Topic};

/// One beat of the demo.
const BEAT: Duration = Duration::from_millis(250);
/// After so many beats all is quiet for a while, so that heartbeats show.
const LIVELY: u64 = 60;
const QUIET: u64 = 24;

/// Publishes to everyone until the hub drains.
pub async fn publish(hub: Hub) {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for beat in 0u64.. {
        beats.tick().await;
        if beat % (LIVELY + QUIET) >= LIVELY {
            continue;
        }
        for (event_type, data) in events(beat) {
            let mut event = Publish::new([Topic::all()], data);
            if let Ok(event_type) = EventType::new(event_type) {
                event = event.event_type(event_type);
            }
            if hub.publish(event).await.is_err() && hub.is_draining() {
                return;
            }
        }
    }
}

/// What is published on a beat.
fn events(beat: u64) -> Vec<(&'static str, String)> {
    let mut events = Vec::new();
    if beat.is_multiple_of(4) {
        events.push(("tick", (beat / 4).to_string()));
    }
    // Prices that wander like waves of different lengths.
    let wave = |period: f64| (beat as f64 / period).sin();
    for (at, symbol, base) in [(0, "EURUSD", 1.08), (1, "GBPUSD", 1.27), (2, "USDJPY", 149.5)] {
        if beat % 3 == at {
            let bid = base * (1.0 + 0.001 * wave(7.0 + base) + 0.0004 * wave(2.3));
            let json = serde_json::json!({
                "symbol": symbol,
                "bid": (bid * 1e5).round() / 1e5,
                "ask": ((bid + base * 1e-4) * 1e5).round() / 1e5,
                "beat": beat,
            });
            events.push(("price", json.to_string()));
        }
    }
    if beat % 10 == 5 {
        let (served, depth) = (1200 + beat * 7, beat % 5);
        events.push((
            "log",
            format!(
                "worker {}: batch done\n  requests served: {served}\n  queue depth: {depth}",
                beat % 4
            ),
        ));
    }
    if beat % 17 == 3 {
        events.push((
            "message",
            format!("Good day from the demo, number {}: größer, 価格, 🦀.", beat / 17 + 1),
        ));
    }
    if beat % LIVELY == LIVELY - 1 {
        events.push((
            "announcement",
            "A quiet spell follows; heartbeats keep the stream alive.".into(),
        ));
    }
    events
}
