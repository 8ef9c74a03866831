//! The window itself, driven as a user drives it: the real program in the real WebKit, against the
//! real `sse-server`.
//!
//! It needs `WebKitWebDriver` (Debian's webkit2gtk-driver) and, where no DISPLAY is set, `Xvfb`, which
//! each test starts for itself; and `sse-server`, built before by `cargo build -p sse-server`. With
//! SSE_MONITOR_PICTURES set to a folder the tests leave pictures of the window there.

#![cfg(target_os = "linux")]
#![allow(dead_code, reason = "the other tests of the window use the rest of it")]

mod support;

use fantoccini::key::Key;
use serde_json::{Value, json};
use support::{
    desk::{Desk, Seen},
    hub::Hub,
    nowhere,
    relay::Relay,
    server::Server,
};

#[tokio::test]
async fn a_restart_of_the_server_is_told_and_nothing_is_shown_twice() {
    let hub = Hub::start(0);
    let port = hub.address().port();
    let desk = Desk::open(&[]).await;
    let idle = desk.see("the window before any stream", |seen| seen.state == "idle").await;
    assert!(idle.told.contains("Not connected"), "{idle:?}");
    desk.enter_url(&hub.url()).await;
    desk.see("the stream open", |seen| seen.state == "open").await;

    let published = [("note", "one"), ("order", r#"{"n":2}"#), ("note", "three")];
    let ids = published.map(|(event, data)| hub.publish(event, data));
    let seen = desk.see("the three events", |seen| seen.published().len() == 3).await;
    assert_eq!(seen.published(), published);
    let rows: Vec<_> = seen.events().filter(|row| row.event_type != "connected").collect();
    for (row, id) in rows.into_iter().zip(ids) {
        assert_eq!(row.id, id);
        assert!(is_clock(&row.time), "{row:?}");
    }
    desk.picture("three-events").await;

    hub.stop();
    let waiting = desk.see("that it reconnects", |seen| seen.state == "waiting").await;
    assert!(waiting.told.starts_with("Reconnecting"), "{waiting:?}");
    assert!(waiting.told.contains("because "), "{waiting:?}");

    let hub = Hub::start(port);
    let seen = desk.see("the reset", |seen| seen.resets().len() == 1).await;
    let reset: Value = serde_json::from_str(&seen.resets()[0].data).unwrap();
    assert!(reset["reason"].is_string(), "{reset}");
    hub.publish("note", "four");
    hub.publish("note", "five");
    let seen = desk.see("the two that follow", |seen| seen.published().len() >= 5).await;
    let all = [&published[..], &[("note", "four"), ("note", "five")]].concat();
    assert_eq!(seen.published(), all);
    assert_eq!(seen.resets().len(), 1);
    assert_eq!(seen.state, "open");
    desk.picture("after-restart").await;
    desk.close().await;
}

#[tokio::test]
async fn a_cut_connection_loses_nothing_and_repeats_nothing() {
    let hub = Hub::start(0);
    let relay = Relay::to(hub.address()).await;
    let desk = Desk::open(&[]).await;
    desk.enter_url(&relay.url()).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    hub.publish("note", "one");
    hub.publish("note", "two");
    desk.see("two events", |seen| seen.published().len() == 2).await;

    relay.cut();
    let waiting = desk.see("that it reconnects", |seen| seen.state == "waiting").await;
    assert!(waiting.told.starts_with("Reconnecting"), "{waiting:?}");
    hub.publish("note", "three, while it was cut");
    hub.publish("note", "four, while it was cut");
    relay.mend();
    desk.see("the stream open again", |seen| seen.state == "open").await;
    hub.publish("note", "five");

    let seen = desk.see("all five events", |seen| seen.published().len() >= 5).await;
    let data: Vec<_> = seen.published().into_iter().map(|(_, data)| data).collect();
    let expected = ["one", "two", "three, while it was cut", "four, while it was cut", "five"];
    assert_eq!(data, expected);
    assert!(seen.resets().is_empty(), "{seen:?}");
    desk.close().await;
}

#[tokio::test]
async fn a_long_wait_is_ended_by_a_button() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream";
    let server = Server::answering(answer, "retry: 3000000\ndata: one\n\n").await;
    let desk = Desk::open(&[&server.url()]).await;
    desk.see("that it waits", |seen| seen.state == "waiting").await;
    desk.picture("long-wait").await;
    desk.click("#reconnect").await;
    desk.see("the event again", |seen| seen.published() == [("message", "one"); 2]).await;
    desk.close().await;
}

#[tokio::test]
async fn bad_input_is_answered_in_words() {
    let desk = Desk::open(&[]).await;
    let told = async |url: &str, words: &[&str]| {
        desk.enter_url(url).await;
        let all_told = |seen: &Seen| words.iter().all(|word| seen.told.contains(word));
        desk.see(&format!("{words:?}"), all_told).await
    };
    let refused = async |url: &str, word: &str| {
        desk.enter_url(url).await;
        let seen = desk.see(word, |seen| seen.refused.contains(word)).await;
        assert!(seen.refused.contains("Cannot connect"), "{seen:?}");
        seen
    };

    refused("", "no URL").await;
    let seen = refused("nonsense", "nonsense").await;
    assert_eq!(seen.state, "idle");
    desk.picture("not-a-url").await;
    refused("http://", "not a URL").await;
    refused("ftp://127.0.0.1/", "over http").await;
    refused("curl http://127.0.0.1/ -H 'X-Key: abc'", "sse tail -- curl").await;
    desk.picture("curl").await;

    let (_kept, address) = nowhere();
    let unreached = told(&format!("http://{address}/events"), &["Reconnecting", "refused"]).await;
    assert_eq!(unreached.state, "waiting");

    let hub = Hub::start(0);
    let unknown = format!("http://{}/nowhere", hub.address());
    let missing = told(&unknown, &["Failed", "404", "“"]).await;
    assert_eq!(missing.state, "failed");
    desk.picture("not-found").await;

    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8";
    let site = Server::answering(head, "<!doctype html><title>A page</title>").await;
    let page = told(&site.url(), &["Failed", "text/html"]).await;
    assert_eq!(page.state, "failed");

    // And after all that a good one.
    desk.enter_url(&hub.url()).await;
    desk.see("the stream open", |seen| seen.state == "open").await;

    // A refusal says nothing of the stream that is watched.
    let seen = refused("nonsense", "nonsense").await;
    assert_eq!((seen.state.as_str(), seen.told.contains("Open")), ("open", true), "{seen:?}");
    desk.picture("refused-beside").await;
    desk.key_in_url(Key::Escape).await;
    let seen = desk.see("the watched URL again", |seen| seen.url == hub.url()).await;
    assert_eq!(seen.refused, "");

    let over = Server::answering("HTTP/1.1 204 No Content", "").await;
    let seen = told(&over.url(), &["Ended", "204"]).await;
    assert!(!seen.told.contains("Failed"), "{seen:?}");
    desk.close().await;
}

#[tokio::test]
async fn the_row_that_is_pressed_is_selected_though_the_list_moves_on() {
    let hub = Hub::start(0);
    let desk = Desk::open(&[&hub.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    for number in 1..=100 {
        hub.publish("count", &number.to_string());
    }
    let last = |seen: &Seen| seen.rows.last().is_some_and(|row| row.data == "100");
    let totals = desk.see("the newest of 100", last).await.totals;
    let find = "
        const rows = [...document.querySelectorAll('.seen [data-number]')];
        return rows.find((row) => row.querySelector('.data').textContent === '96').dataset.number;
    ";
    let number = desk.ask(find).await;
    desk.press(&format!(".seen [data-number={number}]")).await;
    for number in 101..=110 {
        hub.publish("count", &number.to_string());
    }
    desk.see("what came since", |seen| seen.totals != totals && seen.totals.contains("111")).await;
    desk.release().await;
    let seen = desk.see("the pressed row in the pane", |seen| !seen.pane.is_empty()).await;
    assert_eq!(seen.pane, seen.selected);
    assert_eq!(seen.selected, "96");
    desk.close().await;
}

#[tokio::test]
async fn connecting_again_goes_on_where_it_was_until_the_rows_are_cleared() {
    let hub = Hub::start(0);
    let desk = Desk::open(&[&hub.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    hub.publish("note", "one");
    desk.see("an event", |seen| seen.published().len() == 1).await;
    desk.click("#disconnect").await;
    desk.see("that it is closed", |seen| seen.state == "closed").await;
    hub.publish("note", "two, while nobody watched");
    desk.click("#connect").await;
    let seen = desk.see("what was missed", |seen| seen.published().len() == 2).await;
    let data: Vec<_> = seen.published().into_iter().map(|(_, data)| data).collect();
    assert_eq!(data, ["one", "two, while nobody watched"]);

    desk.click("#disconnect").await;
    desk.see("that it is closed", |seen| seen.state == "closed").await;
    desk.click("#clear").await;
    desk.see("no rows", |seen| seen.rows.is_empty()).await;
    desk.click("#connect").await;
    let seen =
        desk.see("the stream open", |seen| seen.state == "open" && !seen.rows.is_empty()).await;
    assert_eq!(seen.published(), []);
    desk.close().await;
}

#[tokio::test]
async fn a_stream_is_text_to_the_window_whatever_it_holds() {
    let hub = Hub::start(0);
    let desk = Desk::open(&[&hub.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    let hostile = [
        "<script>window.ran = true</script>",
        "<img src=x onerror='window.ran = true'>",
        "<svg onload='window.ran = true'>",
        "</pre><iframe srcdoc=\"<script>parent.ran = true</script>\">",
        "{\"<b>\":\"<img src=x onerror='window.ran = true'>\"}",
        "javascript:window.ran=true",
    ];
    for data in hostile {
        hub.publish("<i onmouseover=alert(1)>", data);
    }
    let seen = desk.see("all of it", |seen| seen.published().len() == hostile.len()).await;
    let data: Vec<_> = seen.published().into_iter().map(|(_, data)| data).collect();
    assert_eq!(data, hostile);
    for number in 0..hostile.len() {
        let nth_last = hostile.len() - number;
        desk.ask(&format!(
            "[...document.querySelectorAll('.seen [data-number]')]
                .sort((one, other) => one.ariaRowIndex - other.ariaRowIndex).at(-{nth_last}).click()"
        ))
        .await;
        let shown = |seen: &Seen| compact(&seen.pane) == compact(hostile[number]);
        desk.see("it as text in the pane", shown).await;
    }
    let planted = "return [window.ran ?? null, document.querySelectorAll('main :is(i, b, img, script, iframe), main svg[onload]').length]";
    assert_eq!(desk.ask(planted).await, json!([null, 0]));

    // Script that got into the page all the same would not run.
    let refused = "
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
        const button = document.createElement('button');
        button.setAttribute('onclick', 'window.ran = true');
        document.body.append(button);
        button.click();
        return window.ran ?? null;
    ";
    assert_eq!(desk.ask(refused).await, json!(null));
    desk.close().await;
}

#[tokio::test]
async fn the_list_is_walked_by_keys_and_follows_the_newest() {
    let hub = Hub::start(0);
    let desk = Desk::open(&[&hub.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    for number in 1..=200 {
        hub.publish("count", &number.to_string());
    }
    let last_is = |data: &'static str| {
        move |seen: &Seen| seen.rows.last().is_some_and(|row| row.data == data)
    };
    let seen = desk.see("the newest of 200", last_is("200")).await;
    assert!(seen.rows.len() < 100, "{} rows are in the document", seen.rows.len());
    // Numbers follow the rows in their own time.
    desk.see("the count of them", |seen| seen.totals.contains("201 events")).await;

    // A click holds the list where it is; the newest is a click away.
    desk.click_row("198").await;
    desk.see("the event in the pane", |seen| seen.pane == "198").await;
    hub.publish("count", "201");
    desk.click("#latest").await;
    desk.see("the newest again", last_is("201")).await;
    assert_eq!(desk.look().await.pane, "198");
    desk.click("#copy").await;
    desk.see("that it was copied", |seen| seen.copied.starts_with("Copied")).await;
    desk.picture("selected").await;
    desk.close().await;
}

#[tokio::test]
async fn the_list_has_a_ring_around_all_of_it_where_the_keys_go_to_it() {
    let hub = Hub::start(0);
    let desk = Desk::open(&[]).await;
    desk.enter_url(&hub.url()).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    desk.until("the keys go to the list", "return document.activeElement.id === 'rows'").await;
    let edges = "
        const { left, right, top, bottom } = document.querySelector('#rows').getBoundingClientRect();
        const [x, y] = [(left + right) / 2, (top + bottom) / 2];
        return [[left, y], [right - 1, y], [x, top], [x, bottom - 1]].map((at) => at.map(Math.floor));
    ";
    let edges: [[i16; 2]; 4] = serde_json::from_value(desk.ask(edges).await).unwrap();
    let accent = "return getComputedStyle(document.documentElement).getPropertyValue('--accent')";
    let accent = desk.ask(accent).await;
    for edge in edges {
        desk.see_colour(edge, &accent).await;
    }
    desk.picture("ring").await;
    // A key of the window is none of a URL.
    desk.key('/').await;
    desk.until("a search", "return document.activeElement.id === 'search'").await;
    assert_eq!(desk.look().await.url, hub.url());
    desk.close().await;
}

#[tokio::test]
async fn what_turns_the_direction_of_a_text_is_named_and_does_nothing() {
    let hub = Hub::start(0);
    let desk = Desk::open(&[&hub.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    let data = "a\u{202e}b\u{202c}c\u{2067}d\u{2069}e\u{200f}f";
    hub.publish("turned", data);
    let in_row = r"a\u{202e}b\u{202c}c\u{2067}d\u{2069}e\u{200f}f";
    desk.see("the row", |seen| seen.rows.last().is_some_and(|row| row.data == in_row)).await;
    desk.click_row(in_row).await;
    desk.see("the data", |seen| seen.pane == data).await;
    desk.picture("directions").await;
    let order = "
        const letters = [];
        const texts = document.createTreeWalker(document.querySelector('#data'), NodeFilter.SHOW_TEXT);
        for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
            if (!/[a-f]/.test(text.data)) continue;
            const range = document.createRange();
            range.selectNode(text);
            letters.push([text.data, range.getBoundingClientRect().left]);
        }
        return letters.sort((one, other) => one[1] - other[1]).map(([letter]) => letter).join('');
    ";
    assert_eq!(desk.ask(order).await, json!("abcdef"));
    let selected = "
        getSelection().selectAllChildren(document.querySelector('#data'));
        return getSelection().toString();
    ";
    assert_eq!(desk.ask(selected).await, json!(data));
    desk.close().await;
}

#[tokio::test]
async fn a_row_is_copied_by_its_key_and_the_menu_with_reload_does_not_open() {
    let hub = Hub::start(0);
    let desk = Desk::open(&[&hub.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    hub.publish("note", "one");
    desk.see("the row", |seen| seen.rows.last().is_some_and(|row| row.data == "one")).await;
    desk.press(".seen [aria-rowindex='4']").await;
    desk.release().await;
    desk.until("the pane", "return document.querySelector('#data') !== null").await;
    desk.key_with_control('c').await;
    let copied = "return document.querySelector('.copied').textContent === 'Copied'";
    desk.until("that it is copied", copied).await;
    desk.key_with_control('a').await;
    let menu = "
        const opensOn = (element, x, y) => {
            const { left, top } = element.getBoundingClientRect();
            const at = { clientX: left + x, clientY: top + y, bubbles: true, cancelable: true };
            return element.dispatchEvent(new MouseEvent('contextmenu', at));
        };
        const row = document.querySelector('.seen [data-number]');
        const text = document.querySelector('#data .text');
        const alone = [getSelection().toString() !== '', opensOn(text, 4, 4), opensOn(row, 4, 4)];
        // What stands between two texts is selected with them, and is no text to be copied.
        const name = document.querySelector('#detail h1').firstChild;
        getSelection().setBaseAndExtent(name, 0, text.firstChild, 0);
        const between = ['h1', 'dd', 'dt', 'h2'].map((one) => opensOn(document.querySelector(`#detail ${one}`), 4, 4));
        return [alone, between];
    ";
    assert_eq!(desk.ask(menu).await, json!([[true, true, false], [true, true, false, false]]));
    // Before the row is there, none is copied, and WebKit may refuse it once it is.
    let late = "
        const { fetch } = window;
        window.fetch = async (url, ...given) => {
            const answer = await fetch(url, ...given);
            if (String(url).endsWith('/row')) await new Promise((come) => (window.come = come));
            return answer;
        };
    ";
    desk.ask(late).await;
    let first = desk.look().await.pane;
    desk.key_in_list(Key::Up).await;
    desk.until("that it is asked for", "return window.come !== undefined").await;
    desk.key_with_control('c').await;
    assert_eq!(desk.look().await.pane, first);
    desk.ask("window.come()").await;
    desk.see("what to do", |seen| seen.copied.ends_with("press Ctrl+C once more")).await;
    desk.key_with_control('c').await;
    desk.see("the other row's copy", |seen| seen.copied == "Copied").await;
    desk.close().await;
}

#[tokio::test]
async fn the_wheel_of_the_mouse_scrolls_the_list_and_the_pane() {
    let hub = Hub::start(0);
    let desk = Desk::open(&[&hub.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    let data = (1..=200).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n");
    for _ in 0..60 {
        hub.publish("long", &data);
    }
    desk.see("the events", |seen| seen.totals.contains("61 events")).await;
    desk.wheel_up(".scroller", "return document.querySelector('#latest') !== null").await;
    desk.click("#latest").await;
    // The head is the first row.
    desk.press(".seen [aria-rowindex='60']").await;
    desk.release().await;
    desk.see("the data", |seen| seen.pane == data).await;

    desk.ask("document.querySelector('#data').scrollTop = 1e6").await;
    let is_scrolled = "
        const data = document.querySelector('#data');
        return data.scrollTop > 0 && data.scrollTop < data.scrollHeight - data.clientHeight - 50;
    ";
    desk.wheel_up("#data", is_scrolled).await;
    desk.close().await;
}

/// Without white space: the pane lays JSON out.
fn compact(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Whether it reads like `18:20:31.042`.
fn is_clock(text: &str) -> bool {
    let pattern = "00:00:00.000";
    text.len() == pattern.len()
        && text.chars().zip(pattern.chars()).all(|(char, like)| match like {
            '0' => char.is_ascii_digit(),
            other => char == other,
        })
}
