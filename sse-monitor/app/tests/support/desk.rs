//! A desk with the window on it: a display, a WebDriver, and the window that it drives.

use std::{env, fs, path::Path, process::Command, time::Instant};

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{
        InputSource as _, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
    },
    key::Key,
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    LOOK_EVERY, PATIENCE, nowhere,
    process::{Process, kill, runs, signal},
    x11,
};

/// Dropped from top to bottom: the window goes before its display.
#[derive(Debug)]
pub(crate) struct Desk {
    client: Client,
    driver: Process,
    display: Option<Process>,
    /// What the display is called, if it is ours.
    display_name: Option<String>,
    /// Where the window keeps what it watches, so that tests leave nothing in the user's own folder.
    cache: TempDir,
}

/// What is to be seen in the window at one moment.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Seen {
    /// The state's name, and the line that tells it.
    pub(crate) state: String,
    pub(crate) told: String,
    /// Why what stands in the URL bar was refused, and what stands there.
    pub(crate) refused: String,
    pub(crate) url: String,
    pub(crate) rows: Vec<SeenRow>,
    /// The data of the selected row in the list.
    pub(crate) selected: String,
    /// The data in the pane of the selected row.
    pub(crate) pane: String,
    /// What the pane says of a copy.
    pub(crate) copied: String,
    /// The status bar.
    pub(crate) totals: String,
    /// The number of the selected row.
    #[serde(rename = "selectedNumber")]
    pub(crate) selected_number: String,
    /// What is said of the search beside the field, and of one that cannot be.
    pub(crate) found: String,
    #[serde(rename = "searchRefused")]
    pub(crate) search_refused: String,
    /// What is said of a list that stands still.
    pub(crate) paused: String,
    /// The statistics.
    pub(crate) report: String,
    /// What is said of a recording that is shown, and of one that was made.
    pub(crate) recording: String,
    pub(crate) notice: String,
    /// The button that ends a recording, with what it has so far.
    pub(crate) saving: String,
    /// Why a path was refused.
    #[serde(rename = "pathRefused")]
    pub(crate) path_refused: String,
    /// Of how many sheets rows are seen: of two in the middle of a drawing.
    pub(crate) sheets: usize,
}

/// A row of the list.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct SeenRow {
    pub(crate) kind: String,
    pub(crate) time: String,
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    pub(crate) id: String,
    pub(crate) data: String,
}

/// Names the folder that pictures of the window are left in.
const PICTURES: &str = "SSE_MONITOR_PICTURES";

/// How many WebDrivers are tried: only a port that another process took makes it more than one.
const DRIVERS: usize = 4;

const LOOK: &str = r"
    const state = document.querySelector('#state');
    const text = (row, name) => row.querySelector('.' + name).textContent.trim();
    const words = (selector) =>
        (document.querySelector(selector)?.innerText ?? '').replace(/\s+/g, ' ').trim();
    const selected = document.querySelector('.seen [aria-selected=true]');
    // As they are seen, from top to bottom: in the document they stand in any order.
    const top = (row) => row.getBoundingClientRect().top;
    const rows = [...document.querySelectorAll('.seen [data-number]')];
    rows.sort((one, other) => top(one) - top(other));
    return {
        state: state?.dataset.state ?? '',
        told: (state?.textContent ?? '').replace(/\s+/g, ' ').trim(),
        refused: document.querySelector('#refusal')?.textContent ?? '',
        url: document.querySelector('#url')?.value ?? '',
        selected: selected === null ? '' : text(selected, 'data'),
        rows: rows.map((row) => ({
            kind: row.dataset.kind,
            time: text(row, 'time'),
            type: text(row, 'type'),
            id: row.dataset.id,
            data: text(row, 'data'),
        })),
        pane: document.querySelector('#data')?.textContent ?? '',
        copied: document.querySelector('.copied')?.textContent ?? '',
        totals: document.querySelector('footer')?.textContent ?? '',
        selectedNumber: selected?.dataset.number ?? '',
        found: words('#found'),
        searchRefused: words('#search-refusal'),
        paused: words('#paused'),
        report: words('#report'),
        recording: words('#recording'),
        notice: words('#notice'),
        saving: words('#stop'),
        pathRefused: words('#path-refusal'),
        sheets: new Set([...document.querySelectorAll('.sheet.seen')].map((band) => band.dataset.side)).size,
    };
";

/// Searches for a word, and tells when the first rows that have it are listed, and when all are found.
const SEARCH: &str = r"
    const [text, done] = arguments;
    const field = document.querySelector('#search');
    const begun = performance.now();
    let first = null;
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
    const look = () => {
        const found = document.querySelector('#found');
        const rows = [...document.querySelectorAll('.seen [data-number] .data')];
        const passes = rows.length > 0 && rows.every((row) => row.textContent.includes(text));
        if (found !== null && passes) first ??= performance.now() - begun;
        if (first === null || found.dataset.caughtUp !== 'true') return requestAnimationFrame(look);
        const all = performance.now() - begun;
        done(`first after ${first.toFixed(0)} ms, all after ${all.toFixed(0)} ms: ${found.innerText}`);
    };
    look();
";

impl Desk {
    /// Opens the window, with `arguments` on its command line.
    pub(crate) async fn open(arguments: &[&str]) -> Self {
        let cache = tempfile::tempdir().expect("there is room for a temporary folder");
        Self::open_over(arguments, cache).await
    }

    /// The same, over what an earlier window left.
    pub(crate) async fn open_over(arguments: &[&str], cache: TempDir) -> Self {
        let display = env::var_os("DISPLAY").is_none().then(|| {
            let mut command = Command::new("Xvfb");
            // Without -noreset it begins anew where its last window has gone, and drops one that just comes.
            let told = "-displayfd 1 -screen 0 1280x800x24 -nolisten tcp -noreset";
            command.args(told.split(' '));
            let mut display = Process::start("Xvfb", &mut command, "install the package xvfb");
            let number = display.first_line();
            (display, format!(":{number}"))
        });
        let (display, display_name) = display.unzip();
        let (driver, client) = drive(arguments, display_name.as_deref(), cache.path()).await;
        Self { client, driver, display, display_name, cache }
    }

    pub(crate) async fn close(self) {
        self.client.clone().close().await.expect("the window closes");
    }

    /// Asks the window to close, as the button on its frame does. Gives its process.
    pub(crate) fn ask_to_close(&self) -> u32 {
        let window = self.window_process();
        x11::ask_to_close(self.display_name.as_deref(), window);
        window
    }

    /// Asks the window to close until it has.
    pub(crate) async fn ask_until_closed(self) {
        let window = self.window_process();
        let begun = Instant::now();
        while runs(window) {
            assert!(begun.elapsed() < PATIENCE, "the window does not close");
            // It fails where the window goes meanwhile.
            let _ = x11::try_to_close(self.display_name.as_deref(), window);
            sleep(LOOK_EVERY).await;
        }
    }

    /// Sends the window a signal such as `-TERM`. Gives its process.
    pub(crate) fn signal(&self, name: &str) -> u32 {
        let window = self.window_process();
        signal(name, window);
        window
    }

    /// Turns the wheel of the mouse up over the element until a script in the page gives `true`. As a hand
    /// does: what a driver sends comes to the page by another way.
    pub(crate) async fn wheel_up(&self, selector: &str, script: &str) {
        let where_it_is = "
            const { x, y, width, height } = document.querySelector(arguments[0]).getBoundingClientRect();
            return [x + width / 2, y + height / 2].map(Math.round);
        ";
        let middle = self.client.execute(where_it_is, vec![json!(selector)]).await;
        let middle = middle.unwrap_or_else(|error| panic!("{selector}: {error}"));
        let middle = serde_json::from_value(middle).expect("a place in the window");
        let turn = || x11::wheel_up(self.display_name.as_deref(), self.window_process(), middle);
        let begun = Instant::now();
        turn();
        while self.ask(script).await != json!(true) {
            assert!(begun.elapsed() < PATIENCE, "{selector} does not scroll by the wheel");
            sleep(LOOK_EVERY).await;
            turn();
        }
    }

    /// Waits until a place in the window has this colour, as `#rrggbb`: what the page says is painted later.
    pub(crate) async fn see_colour(&self, at: [i16; 2], colour: &serde_json::Value) {
        let begun = Instant::now();
        loop {
            let seen = x11::colour(self.display_name.as_deref(), self.window_process(), at);
            if json!(seen) == *colour {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{seen} and not {colour} at {at:?}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until the window with this process has closed, and gives what it leaves.
    pub(crate) async fn closed(self, window: u32) -> TempDir {
        let begun = Instant::now();
        while runs(window) {
            assert!(begun.elapsed() < PATIENCE, "the window does not close");
            sleep(LOOK_EVERY).await;
        }
        self.cache
    }

    /// Kills the window as a crash would, and gives what it leaves.
    pub(crate) fn kill(self) -> TempDir {
        let window = self.window_process();
        let Self { cache, .. } = self;
        kill(window);
        cache
    }

    /// Types into the URL bar in place of what is there, and presses Enter.
    pub(crate) async fn enter_url(&self, url: &str) {
        let bar = self.client.wait().for_element(Locator::Id("url")).await.expect("the URL bar");
        bar.clear().await.expect("the URL bar can be emptied");
        let keys = format!("{url}{}", char::from(Key::Enter));
        bar.send_keys(&keys).await.expect("the URL bar takes keys");
    }

    pub(crate) async fn click(&self, selector: &str) {
        let found = self.client.wait().for_element(Locator::Css(selector)).await;
        let element = found.unwrap_or_else(|error| panic!("no {selector} in the window: {error}"));
        element.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Presses the left button of the mouse where the element is seen, and keeps it pressed.
    ///
    /// A list that is drawn anew may show the same at the same place by another element, so that it is
    /// looked for and its place taken at one go, until it is there and nothing lies on it.
    pub(crate) async fn press(&self, selector: &str) {
        let script = r"
            const found = document.querySelector(arguments[0]);
            if (found === null) return null;
            const { x, y, width, height } = found.getBoundingClientRect();
            const middle = [x + width / 2, y + height / 2].map(Math.round);
            return found.contains(document.elementFromPoint(...middle)) ? middle : null;
        ";
        let begun = Instant::now();
        let [x, y] = loop {
            let middle = self.client.execute(script, vec![json!(selector)]).await;
            let middle = middle.unwrap_or_else(|error| panic!("{selector}: {error}"));
            if let Ok(middle) = serde_json::from_value::<[f64; 2]>(middle) {
                break middle;
            }
            assert!(begun.elapsed() < PATIENCE, "no {selector} is seen in the window");
            sleep(LOOK_EVERY).await;
        };
        let mouse = MouseActions::new("mouse".into())
            .then(PointerAction::MoveTo { duration: None, x, y })
            .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT });
        self.client.perform_actions(mouse).await.expect("there is a mouse");
    }

    /// Lets go of the button where the mouse is.
    pub(crate) async fn release(&self) {
        let mouse =
            MouseActions::new("mouse".into()).then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
        self.client.perform_actions(mouse).await.expect("there is a mouse");
    }

    /// Clicks the row of the event with this data, wherever it is in the document.
    pub(crate) async fn click_row(&self, data: &str) {
        let script = r"
            const holds = (row) => row.querySelector('.data').textContent === arguments[0];
            [...document.querySelectorAll('.seen [data-number]')].find(holds).click();
        ";
        let clicked = self.client.execute(script, vec![json!(data)]).await;
        clicked.unwrap_or_else(|error| panic!("no row with {data}: {error}"));
    }

    /// Presses a key in the URL bar.
    pub(crate) async fn key_in_url(&self, key: Key) {
        let bar = self.client.find(Locator::Id("url")).await.expect("the URL bar");
        bar.send_keys(&char::from(key).to_string()).await.expect("the URL bar takes keys");
    }

    /// Presses a key, wherever it goes.
    pub(crate) async fn key(&self, value: char) {
        let keys = KeyActions::new("keys".into())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        self.client.perform_actions(keys).await.expect("there is a keyboard");
    }

    /// Presses a key with Ctrl, wherever it goes.
    pub(crate) async fn key_with_control(&self, value: char) {
        let control = char::from(Key::Control);
        let keys = KeyActions::new("keys".into())
            .then(KeyAction::Down { value: control })
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value })
            .then(KeyAction::Up { value: control });
        self.client.perform_actions(keys).await.expect("there is a keyboard");
    }

    /// Presses a key in the list.
    pub(crate) async fn key_in_list(&self, key: Key) {
        let list = self.client.find(Locator::Id("rows")).await.expect("the list");
        list.send_keys(&char::from(key).to_string()).await.expect("the list takes keys");
    }

    /// Types into the search field in place of what is there; Escape for an empty text.
    pub(crate) async fn type_search(&self, text: &str) {
        let field = self.client.find(Locator::Id("search")).await.expect("the search field");
        let keys = if text.is_empty() { char::from(Key::Escape).to_string() } else { text.into() };
        if !text.is_empty() {
            field.clear().await.expect("the search field can be emptied");
        }
        field.send_keys(&keys).await.expect("the search field takes keys");
    }

    /// Types a path into the field that asks for one, and presses Enter.
    pub(crate) async fn enter_path(&self, path: &str) {
        let field = self.client.wait().for_element(Locator::Id("path")).await.expect("the field");
        field.clear().await.expect("the field can be emptied");
        let keys = format!("{path}{}", char::from(Key::Enter));
        field.send_keys(&keys).await.expect("the field takes keys");
    }

    /// The rows' numbers, each with the number in its data, once they are as expected.
    pub(crate) async fn numbers(
        &self,
        expected: impl Fn(&[(u64, Option<u64>)]) -> bool,
    ) -> Vec<(u64, Option<u64>)> {
        let ask = r#"
            return [...document.querySelectorAll('.seen [data-number]')].map((row) => {
                const found = /"n":(\d+)/.exec(row.querySelector('.data').textContent);
                return [Number(row.dataset.number), found === null ? null : Number(found[1])];
            }).sort((a, b) => a[0] - b[0]);
        "#;
        let begun = Instant::now();
        loop {
            let numbers: Vec<(u64, Option<u64>)> =
                serde_json::from_value(self.ask(ask).await).expect("numbers");
            if !numbers.is_empty() && expected(&numbers) {
                return numbers;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain for other rows than {numbers:?}");
            sleep(LOOK_EVERY).await;
        }
    }

    pub(crate) async fn resize(&self, width: u32, height: u32) {
        self.client.set_window_size(width, height).await.expect("the window can be resized");
    }

    /// Draws a window that is 640 px wide so many times as large.
    pub(crate) async fn zoom(&self, factor: &str) {
        let zoom = format!("window.__TAURI_INTERNALS__.invoke('zoom', {{ factor: {factor} }})");
        self.ask(&zoom).await;
        let is_zoomed = format!("return Math.abs(innerWidth * {factor} - 640) < 4");
        self.until("the window zoomed", &is_zoomed).await;
    }

    /// The result of a script in the page.
    pub(crate) async fn ask(&self, script: &str) -> serde_json::Value {
        self.client.execute(script, Vec::new()).await.expect("the page runs the script")
    }

    /// Waits until a script in the page gives `true`.
    pub(crate) async fn until(&self, what: &str, script: &str) {
        let begun = Instant::now();
        while self.ask(script).await != json!(true) {
            assert!(begun.elapsed() < PATIENCE, "waited in vain for this: {what}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// The process that draws the page.
    pub(crate) fn page_process(&self) -> u32 {
        self.driver.descendant("WebKitWebProces").expect("a page has a process")
    }

    /// The process that watches the stream and shows the page.
    pub(crate) fn window_process(&self) -> u32 {
        self.driver.descendant("sse-monitor").expect("the window runs")
    }

    /// What else takes part: the page's messages come through a process of the network, and the display
    /// may be ours.
    pub(crate) fn system_processes(&self) -> Vec<u32> {
        let network = self.driver.descendant("WebKitNetworkPr");
        network.into_iter().chain(self.display.as_ref().map(Process::id)).collect()
    }

    /// How long a search for a word takes, in words.
    pub(crate) async fn time_search(&self, text: &str) -> String {
        let measured = self.client.execute_async(SEARCH, vec![json!(text)]).await;
        serde_json::from_value(measured.expect("something is found")).expect("words")
    }

    pub(crate) async fn look(&self) -> Seen {
        serde_json::from_value(self.ask(LOOK).await).expect("the look has this shape")
    }

    /// Looks until `expected` is to be seen, and gives what was seen then.
    pub(crate) async fn see(&self, what: &str, expected: impl Fn(&Seen) -> bool) -> Seen {
        let begun = Instant::now();
        loop {
            let seen = self.look().await;
            // Between two sheets a row that is found may be of the one that leaves.
            if seen.sheets <= 1 && expected(&seen) {
                return seen;
            }
            if begun.elapsed() > PATIENCE {
                self.picture("failed").await;
                panic!("waited in vain to see {what}; saw {seen:#?}");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Writes a picture of the window into the folder that `SSE_MONITOR_PICTURES` names, if it is set.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = env::var_os(PICTURES) else { return };
        // Two frames on, what the document says has been drawn.
        let drawn = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))";
        self.client.execute_async(drawn, Vec::new()).await.expect("the window draws");
        let picture = self.client.screenshot().await.expect("the window can be pictured");
        let file = Path::new(&folder).join(format!("{name}.png"));
        fs::write(&file, picture).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

/// A WebDriver, and the window that it opened.
///
/// A WebDriver tells nobody which port it took, so one has to be named that was free a moment ago. It
/// ends if another process was faster, and is started anew on another port.
async fn drive(arguments: &[&str], display: Option<&str>, cache: &Path) -> (Process, Client) {
    let mut failure = String::new();
    for _ in 0..DRIVERS {
        let port = port_just_free();
        let mut driver = start_driver(port, display, cache);
        if !listens(&mut driver, port).await {
            failure = format!("WebKitWebDriver ended, or port {port} was taken");
            continue;
        }
        let options = json!({ "binary": env!("CARGO_BIN_EXE_sse-monitor"), "args": arguments });
        let capabilities = [("webkitgtk:browserOptions".to_owned(), options)];
        let url = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.into_iter().collect());
        // Where a window ends before it can be driven, the driver waits for ever.
        let opened = timeout(PATIENCE, builder.connect(&url)).await;
        match opened.expect("the window lets itself be driven") {
            Ok(client) if !driver.has_ended() => return (driver, client),
            Ok(_) => failure = format!("another process answers at port {port}"),
            Err(error) => failure = error.to_string(),
        }
    }
    panic!("the window does not open so that it can be driven: {failure}");
}

fn start_driver(port: u16, display: Option<&str>, cache: &Path) -> Process {
    let mut command = Command::new("WebKitWebDriver");
    command
        .args([&format!("--port={port}"), "--host=127.0.0.1"])
        // Without it the window does not let itself be driven, and the session never begins.
        .env("TAURI_WEBVIEW_AUTOMATION", "true")
        .env("XDG_CACHE_HOME", cache);
    if let Some(name) = display {
        command.env("DISPLAY", name);
    }
    // A window drawn as a whole in which nothing moves is never pictured: the driver waits for its next
    // drawing.
    if env::var_os(PICTURES).is_some() {
        command.env("WEBKIT_DISABLE_COMPOSITING_MODE", "0");
    }
    Process::start("WebKitWebDriver", &mut command, "install the package webkit2gtk-driver")
}

/// Waits until something listens on `port`; false if `driver` ended before.
async fn listens(driver: &mut Process, port: u16) -> bool {
    let begun = Instant::now();
    while !driver.has_ended() {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return true;
        }
        assert!(begun.elapsed() < PATIENCE, "WebKitWebDriver does not listen");
        sleep(LOOK_EVERY).await;
    }
    false
}

/// A port that nothing listened on, a moment ago.
fn port_just_free() -> u16 {
    let (_released, address) = nowhere();
    address.port()
}

impl SeenRow {
    /// Whether its data is this, or the beginning of it where that is longer than the row.
    pub(crate) fn begins(&self, data: &str) -> bool {
        self.data.strip_suffix('…').map_or(self.data == data, |seen| data.starts_with(seen))
    }
}

impl Seen {
    /// The events that were published, as type and data, without what the hub says of itself.
    pub(crate) fn published(&self) -> Vec<(&str, &str)> {
        self.events()
            .filter(|row| !["connected", "reset"].contains(&row.event_type.as_str()))
            .map(|row| (row.event_type.as_str(), row.data.as_str()))
            .collect()
    }

    pub(crate) fn resets(&self) -> Vec<&SeenRow> {
        self.events().filter(|row| row.event_type == "reset").collect()
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &SeenRow> {
        self.rows.iter().filter(|row| row.kind == "event")
    }
}
