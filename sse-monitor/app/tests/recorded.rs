//! Recordings that the window makes and opens, driven as `window.rs` drives it.

#![cfg(target_os = "linux")]
#![allow(dead_code, reason = "the other tests of the window use the rest of it")]

mod support;

use std::path::{Path, PathBuf};

use fantoccini::key::Key;
use support::{
    desk::{Desk, Seen},
    flood::Flood,
};

#[tokio::test]
async fn a_stream_is_recorded_and_the_recording_is_opened_and_searched() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("notes.txt"), "Not a recording.").unwrap();
    let flood = Flood::start().await;
    let desk = Desk::open(&[&format!("{}?token=secret", flood.url())]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    flood.send(2000, 100_000);
    desk.see("all of it", |seen| seen.totals.contains("2,000 events")).await;
    desk.click("#record").await;
    desk.enter_path(&path("none/feed")).await;
    desk.see("why not", |seen| seen.path_refused.contains("no folder")).await;
    desk.enter_path(&path("feed")).await;
    desk.see("that it records", |seen| seen.saving.contains("KiB")).await;
    flood.send(500, 100_000);
    desk.see("all of it", |seen| seen.totals.contains("2,500 events")).await;
    desk.picture("recording").await;
    desk.click("#stop").await;
    let seen = desk.see("what was recorded", |seen| !seen.notice.is_empty()).await;
    assert!(seen.notice.contains("2,500 events"), "{seen:?}");
    assert!(seen.notice.contains("feed.ssrec"), "{seen:?}");

    desk.click("#open").await;
    desk.enter_path(&path("notes.txt")).await;
    desk.see("why not", |seen| seen.path_refused.contains("not a recording")).await;
    desk.enter_path(&path("feed.ssrec")).await;
    let seen = desk.see("the recording", |seen| seen.recording.contains("feed.ssrec")).await;
    assert!(seen.recording.contains("1 secret masked"), "{seen:?}");
    assert!(!seen.recording.contains("token=secret"), "{seen:?}");
    let begins = |seen: &Seen| seen.rows.first().is_some_and(|row| row.kind == "connecting");
    desk.see("its first rows", begins).await;
    desk.see("the count of them", |seen| seen.totals.contains("2,500 events")).await;

    for (text, matches) in [
        ("$.n == 1042", "1 match"),
        ("needle", "3 matches"),
        ("/needle/ $.n > 500", "2 matches"),
        ("type:tick -needle", "2,497 matches"),
        ("kind:connection", "2 matches"),
    ] {
        desk.type_search(text).await;
        let seen = desk.see(text, |seen| seen.found == matches).await;
        assert_eq!(seen.search_refused, "");
    }
    desk.type_search("needle /(/").await;
    let refused = |seen: &Seen| seen.search_refused.contains("not a regular expression");
    desk.see("what is wrong", refused).await;
    desk.picture("opened").await;
    desk.type_search("").await;
    desk.click("#statistics").await;
    desk.see("the statistics", |seen| seen.report.contains("Missed 0")).await;
    desk.picture("statistics").await;
    desk.close().await;
}

#[tokio::test]
async fn what_a_window_recorded_that_was_killed_is_put_in_its_file_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feed.ssrec").display().to_string();
    let flood = Flood::start().await;
    let desk = Desk::open(&[&flood.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    flood.send(2000, 100_000);
    desk.click("#record").await;
    desk.enter_path(&path).await;
    desk.see("that it records", |seen| !seen.saving.is_empty()).await;
    flood.send(500, 100_000);
    desk.see("all of it", |seen| seen.totals.contains("2,500 events")).await;
    let left = desk.kill();

    let desk = Desk::open_over(&[], left).await;
    let seen = desk.see("what was recorded", |seen| !seen.notice.is_empty()).await;
    assert!(seen.notice.contains("2,500 events") && seen.notice.contains(&path), "{seen:?}");
    desk.picture("recovered").await;
    desk.click("#open").await;
    desk.enter_path(&path).await;
    let is_opened =
        |seen: &Seen| seen.recording.contains("feed.ssrec") && seen.totals.contains("2,500 events");
    let seen = desk.see("the recording", is_opened).await;
    assert!(!seen.recording.contains("closed"), "{seen:?}");
    desk.close().await;
}

#[tokio::test]
async fn a_recording_is_in_its_file_before_its_window_closes_or_the_window_says_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, gone) = (folder.path().join("kept.ssrec"), folder.path().join("gone"));
    std::fs::create_dir(&gone).unwrap();
    let refused = gone.join("feed.ssrec").display().to_string();
    let flood = Flood::start().await;
    let desk = Desk::open(&[&flood.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    flood.send(2000, 100_000);
    desk.click("#record").await;
    desk.enter_path(&refused).await;
    desk.see("that it records", |seen| !seen.saving.is_empty()).await;
    desk.see("all of it", |seen| seen.totals.contains("2,000 events")).await;

    // Where it cannot be written, the window stays.
    std::fs::remove_dir(&gone).unwrap();
    desk.ask_to_close();
    let seen = desk.see("why it stays open", |seen| seen.notice.contains("stays open")).await;
    assert!(seen.notice.contains(&refused) && !seen.saving.is_empty(), "{seen:?}");
    desk.picture("not-closed").await;
    // But it can be saved elsewhere: in a folder, by a name of its own.
    desk.click("#notice .action").await;
    desk.enter_path(&folder.path().display().to_string()).await;
    let is_saved = |seen: &Seen| seen.saving.is_empty() && seen.notice.starts_with("Recorded");
    let seen = desk.see("that it was saved", is_saved).await;
    assert!(seen.notice.contains("2,000 events in "), "{seen:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    desk.click("#record").await;
    desk.enter_path(&kept.display().to_string()).await;
    desk.see("that it records", |seen| !seen.saving.is_empty()).await;
    flood.send(500, 100_000);
    desk.see("all of it", |seen| seen.totals.contains("2,500 events")).await;
    let window = desk.ask_to_close();
    let left = desk.closed(window).await;
    assert!(kept.exists(), "it is whole by then");

    // There is nothing left to do for the next one.
    let desk = Desk::open_over(&[&kept.display().to_string()], left).await;
    let is_opened = |seen: &Seen| seen.totals.contains("2,500 events");
    let seen = desk.see("the recording", is_opened).await;
    assert_eq!((seen.notice.as_str(), seen.recording.contains("damage")), ("", false), "{seen:?}");
    desk.close().await;
}

#[tokio::test]
async fn a_signal_closes_the_window_once_what_it_records_is_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    // Under nohup the window outlives its terminal as well as this test does.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let hears_hangup = u64::from_str_radix(ignored.trim(), 16).unwrap() & 1 == 0;
    for signal in ["-INT", "-TERM", "-HUP"] {
        if signal == "-HUP" && !hears_hangup {
            continue;
        }
        let flood = Flood::start().await;
        let file = folder.path().join(format!("{signal}.ssrec"));
        let desk = Desk::open(&[&flood.url()]).await;
        desk.see("the stream open", |seen| seen.state == "open").await;
        desk.click("#record").await;
        desk.enter_path(&file.display().to_string()).await;
        desk.see("that it records", |seen| !seen.saving.is_empty()).await;
        let window = desk.signal(signal);
        let left = desk.closed(window).await;
        assert!(file.exists(), "{signal}: what was recorded is in its file");
        assert_eq!(kept_below(left.path()), Vec::<PathBuf>::new(), "{signal}");
    }
}

#[tokio::test]
async fn many_rows_that_are_in_no_file_are_asked_about_before_another_stream_takes_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let (flood, other) = (Flood::start().await, Flood::start().await);
    let desk = Desk::open(&[&flood.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    flood.send(2000, 100_000);
    desk.see("all of it", |seen| seen.totals.contains("2,000 events")).await;
    let asks =
        "return /rows that are in no file/.test(document.querySelector('#question')?.textContent)";
    desk.enter_url(&other.url()).await;
    desk.until("a question", asks).await;
    desk.picture("question").await;
    desk.key(char::from(Key::Escape)).await;
    desk.until("none", "return document.querySelector('#question') === null").await;
    let seen = desk.look().await;
    assert!(seen.state == "open" && seen.totals.contains("2,000 events"), "{seen:?}");

    // Enter presses what loses nothing.
    desk.enter_url(&other.url()).await;
    desk.until("a question", asks).await;
    desk.key(char::from(Key::Enter)).await;
    desk.enter_path(&folder.path().join("feed.ssrec").display().to_string()).await;
    let is_there = |seen: &Seen| seen.state == "open" && seen.totals.starts_with("0 events");
    desk.see("the other stream", is_there).await;
    let is_told = |seen: &Seen| seen.notice.starts_with("Recorded 2,000 events in ");
    desk.see("what was saved", is_told).await;
    desk.picture("question-saved").await;
    other.send(1500, 100_000);
    desk.see("all of it", |seen| seen.totals.contains("1,500 events")).await;

    desk.click("#open").await;
    desk.enter_path(&folder.path().join("feed.ssrec").display().to_string()).await;
    desk.until("a question", asks).await;
    desk.click("#question button:nth-of-type(2)").await;
    desk.see("the recording", |seen| seen.totals.contains("2,000 events")).await;
    desk.close().await;
}

#[tokio::test]
async fn a_path_that_names_no_file_is_no_url() {
    let desk = Desk::open(&["nofile.ssrec"]).await;
    let seen = desk.see("why not", |seen| !seen.notice.is_empty()).await;
    assert!(seen.notice.contains("nofile.ssrec cannot be read: No such file"), "{seen:?}");
    assert_eq!(seen.refused, "");
    desk.close().await;
}

/// The folders of sessions below a cache folder.
fn kept_below(cache: &Path) -> Vec<PathBuf> {
    let sessions = cache.join("dev.sse-monitor.window/sessions");
    let all = std::fs::read_dir(&sessions).expect("the window keeps what it watches here");
    all.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}
