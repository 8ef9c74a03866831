//! The window itself, driven as a user drives it: the real program in the real WebKit, against the
//! real `sse-server`.
//!
//! It needs `WebKitWebDriver` (Debian's webkit2gtk-driver) and, where no DISPLAY is set, `Xvfb`, which
//! each test starts for itself; and `sse-server`, built before by `cargo build -p sse-server`. With
//! SSE_MONITOR_PICTURES set to a folder the tests leave pictures of the window there.

#![cfg(target_os = "linux")]
#![allow(dead_code, reason = "the flood's test uses the rest of it")]

mod support;

use std::path::{Path, PathBuf};

use fantoccini::key::Key;
use serde_json::{Value, json};
use support::{
    desk::{Desk, Seen},
    flood::Flood,
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
async fn a_small_window_shows_the_data_of_what_is_selected() {
    let hub = Hub::start(0);
    let desk = Desk::open(&[&hub.url()]).await;
    desk.resize(640, 400).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    let data = (1..=40).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n");
    for _ in 0..30 {
        hub.publish("long", &data);
    }
    desk.see("the events", |seen| seen.totals.contains("31 events")).await;
    // The head is the first row.
    desk.press(".seen [aria-rowindex='30']").await;
    desk.release().await;
    desk.see("the data", |seen| seen.pane == data).await;
    // What the data has to be seen in, within the window.
    let height = "
        const data = document.querySelector('#data').getBoundingClientRect();
        return Math.min(data.bottom, innerHeight) - data.top;
    ";
    let height = desk.ask(height).await.as_f64().unwrap();
    assert!(height >= 3.0 * 19.0, "{height} px are left for the data");
    assert_eq!(desk.ask(CUT_FACTS).await, json!([]));
    desk.picture("small-selected").await;
    desk.close().await;
}

/// What of the facts of the selected row goes on beyond the window.
const CUT_FACTS: &str = "
    return [...document.querySelectorAll('#detail dd, #size')]
        .filter((one) => one.getBoundingClientRect().right > innerWidth)
        .map((one) => one.textContent);
";

#[tokio::test]
async fn nothing_lies_over_another_in_a_small_window_that_is_zoomed() {
    let hub = Hub::start(0);
    let desk = Desk::open(&[&hub.url()]).await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    hub.publish("note", "one");
    desk.see("an event", |seen| seen.published().len() == 1).await;
    desk.click("#disconnect").await;
    desk.see("that it is closed", |seen| seen.state == "closed").await;
    desk.click("#connect").await;
    desk.see("the stream open", |seen| seen.state == "open").await;
    // The newest row, which is the one that is left where there is room for one.
    hub.publish("note", "two");
    desk.see("another event", |seen| seen.published().len() == 2).await;
    desk.click("#statistics").await;
    desk.until("the attempts", "return document.querySelector('#attempts td') !== null").await;
    let cut = "
        const { scrollWidth, clientWidth } = document.querySelector('#attempts').parentElement;
        return scrollWidth - clientWidth;
    ";
    assert_eq!(desk.ask(cut).await, json!(0), "px of the attempts are cut off");
    let over = "
        const of = (selector) => document.querySelector(selector).getBoundingClientRect();
        const [header, main, footer] = [of('header'), of('main'), of('footer')];
        const pane = of('#report, #detail');
        const wrong = {
            'the header goes on below the window': header.top < 0 || header.bottom > main.top + 1,
            'no row is seen': of('.scroller').height < 26,
            'the pane is over the footer': pane.bottom > footer.top + 1,
            'the footer is outside': footer.bottom > innerHeight + 1,
            'a button is outside': [...document.querySelectorAll('.bar > *, #clear')].some((one) => {
                const { left, right, top, bottom } = one.getBoundingClientRect();
                // Where the header has no room for all, the tools are scrolled to.
                const within = one.closest('header') ?? document.body;
                const isScrolled = within.scrollHeight > within.clientHeight;
                const box = within.getBoundingClientRect();
                const isOutside = !isScrolled && (top < box.top || bottom > box.bottom);
                return isOutside || left < 0 || right > innerWidth;
            }),
            'the search has no room': of('#search').width < 50,
        };
        return Object.keys(wrong).filter((what) => wrong[what]);
    ";
    // Of what is told, however much stands above it.
    let unseen = "
        const box = document.querySelector('header').getBoundingClientRect();
        return [...document.querySelectorAll('#notice, #search-refusal')]
            .filter((one) => {
                const { top, bottom } = one.getBoundingClientRect();
                return top < box.top - 1 || bottom > box.bottom + 1;
            })
            .map((one) => one.id);
    ";
    let folder = tempfile::tempdir().unwrap();
    desk.click("#record").await;
    desk.enter_path(&folder.path().join("feed.ssrec").display().to_string()).await;
    desk.see("that it records", |seen| !seen.saving.is_empty()).await;
    desk.resize(640, 400).await;
    for factor in ["1", "1.5", "2"] {
        zoom(&desk, factor).await;
        assert_eq!(desk.ask(over).await, json!([]), "the statistics at {factor}");
        let room = "
            const { scrollHeight, clientHeight } = document.querySelector('header');
            return scrollHeight <= clientHeight;
        ";
        let has_room = desk.ask(room).await == json!(true);
        assert!(has_room || factor == "2", "the header has no room for the tools at {factor}");
        desk.picture(&format!("small-zoomed-{factor}")).await;
        for opener in ["#help", "#open"] {
            desk.ask(&format!("document.querySelector('{opener}').click()")).await;
        }
        assert_eq!(desk.ask(over).await, json!([]), "the help and a field at {factor}");
        desk.picture(&format!("small-zoomed-help-{factor}")).await;
        desk.ask("document.querySelector('#clear').click()").await;
        desk.see("that nothing is cleared", |seen| seen.notice.contains("recording")).await;
        assert_eq!(desk.ask(unseen).await, json!([]), "what a press is told at {factor}");
        desk.picture(&format!("small-zoomed-notice-{factor}")).await;
        desk.ask("document.querySelector('#notice .close').click()").await;
        desk.type_search("/(/").await;
        desk.see("what is wrong", |seen| !seen.search_refused.is_empty()).await;
        assert_eq!(desk.ask(unseen).await, json!([]), "why a search is refused at {factor}");
        desk.picture(&format!("small-zoomed-refused-{factor}")).await;
        desk.type_search("").await;
        desk.see("all rows", |seen| seen.search_refused.is_empty() && !seen.rows.is_empty()).await;
        desk.ask("document.querySelector('#help').click()").await;
        desk.ask("document.querySelector('#path-form button[type=button]').click()").await;
        let press = "
            const press = new PointerEvent('pointerdown', { bubbles: true, button: 0 });
            document.querySelector('.seen [data-kind=event]').dispatchEvent(press);
        ";
        let is_seen = "return document.querySelector('.seen [data-kind=event]') !== null";
        desk.until("an event in sight", is_seen).await;
        desk.ask(press).await;
        desk.see("the selected row", |seen| !seen.pane.is_empty()).await;
        assert_eq!(desk.ask(over).await, json!([]), "a selected row at {factor}");
        assert_eq!(desk.ask(CUT_FACTS).await, json!([]), "what is told of it at {factor}");
        desk.picture(&format!("small-zoomed-row-{factor}")).await;
        desk.ask("document.querySelector('#statistics').click()").await;
    }
    desk.close().await;
}

#[tokio::test]
async fn the_small_window_before_any_stream_can_be_read_to_its_end() {
    let desk = Desk::open(&[]).await;
    desk.see("the window before any stream", |seen| seen.state == "idle").await;
    desk.resize(640, 400).await;
    for factor in ["1", "1.5", "2"] {
        zoom(&desk, factor).await;
        let cut = "
            const [main, welcome] = ['main', 'main > section'].map((of) => document.querySelector(of));
            const [box, inner] = [main, welcome].map((one) => one.getBoundingClientRect());
            const isWithin = inner.top >= box.top - 1 && inner.bottom <= box.bottom + 1;
            const { overflowY } = getComputedStyle(welcome);
            return !isWithin || (welcome.scrollHeight > welcome.clientHeight && overflowY !== 'auto');
        ";
        desk.picture(&format!("small-empty-{factor}")).await;
        assert_eq!(desk.ask(cut).await, json!(false), "at {factor}");
    }
    desk.close().await;
}

async fn zoom(desk: &Desk, factor: &str) {
    desk.ask(&format!("window.__TAURI_INTERNALS__.invoke('zoom', {{ factor: {factor} }})")).await;
    let is_zoomed = format!("return Math.abs(innerWidth * {factor} - 640) < 4");
    desk.until("the window zoomed", &is_zoomed).await;
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
async fn a_signal_closes_the_window_as_its_button_does() {
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
