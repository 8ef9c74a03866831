//! The window where it has little room, driven as `window.rs` drives it.

#![cfg(target_os = "linux")]
#![allow(dead_code, reason = "the other tests of the window use the rest of it")]

mod support;

use serde_json::json;
use support::{desk::Desk, hub::Hub};

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
        desk.zoom(factor).await;
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
        desk.zoom(factor).await;
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
