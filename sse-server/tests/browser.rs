//! Chromium's own EventSource, cut ten times, and a page of another origin. Skipped where there is no
//! Chromium.
#![cfg(unix)]
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::unwrap_used)]

mod common;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use common::Server;

const CUTS: usize = 10;

/// Says all that it is told, in order, on the topic `report`: by a key each, since a browser sends
/// again what it posted on a connection that broke.
const PAGE: &str = r#"<!doctype html><script>
let said = Promise.resolve(), count = 0;
const say = data => {
  const body = JSON.stringify({topic: 'report', data, key: String(count++)});
  const headers = {'Content-Type': 'application/json'};
  const post = () => fetch('/publish', {method: 'POST', headers, body}).catch(post);
  said = said.then(post);
};
const source = new EventSource('/events/a');
source.addEventListener('connected', event => say('connected ' + JSON.parse(event.data).clientId));
source.addEventListener('reset', event => say('reset ' + event.data));
source.onmessage = event => say('got ' + event.data);
source.onerror = () => { if (source.readyState === EventSource.CLOSED) say('closed for good'); };
</script>"#;

#[test]
fn an_event_source_of_chromium_that_is_cut_ten_times_misses_nothing() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0", "--retry", "40ms"]);
    let admin = server.admin();
    let relay = Relay::start(server.address);
    let mut reports = server.subscribe("/events/report", "");
    let Some(_browser) = Browser::open(&format!("http://{}/page", relay.address)) else {
        println!("skipped: there is no `chromium` here");
        return;
    };
    let (mut got, mut published, mut cuts) = (Vec::new(), 0, 0);
    let publish = |count: usize, published: &mut usize| {
        for _ in 0..count {
            server.publish(&format!(r#"{{"topic": "a", "data": "{published}"}}"#));
            *published += 1;
        }
    };
    while cuts < CUTS || got.len() < published {
        let report = reports.data();
        let (what, value) = report.split_once(' ').unwrap();
        match what {
            "connected" if cuts < CUTS => {
                cuts += 1;
                publish(3, &mut published);
                // By turns the server ends the stream in peace, and its connection breaks.
                if cuts % 2 == 0 {
                    end(admin, value);
                } else {
                    relay.cut();
                }
                publish(2, &mut published);
            }
            "connected" => {}
            "got" => got.push(value.to_owned()),
            _ => panic!("the browser said: {report}"),
        }
    }
    let all: Vec<_> = (0..published).map(|n| n.to_string()).collect();
    assert_eq!((cuts, &got), (CUTS, &all), "each once, in order");
}

/// A page of another origin than the hub at BASE: reads by EventSource, by a `fetch` that names what it
/// has seen, and reads why it was refused.
const PAGE_FROM_ELSEWHERE: &str = r#"<!doctype html><script>
const json = {'Content-Type': 'application/json'};
const post = body => fetch('BASE/publish', {method: 'POST', headers: json, body: JSON.stringify(body)});
const say = data => post({topic: 'report', data});
const refused = async answer => say('refused ' + answer.status + ' ' + (await answer.json()).error);
const source = new EventSource('BASE/events/a', {withCredentials: true});
source.addEventListener('connected', event => say('connected ' + JSON.parse(event.data).clientId));
source.onmessage = async event => {
  await say('got ' + event.data);
  if (event.data !== 'last') return;
  const headers = {'Accept': 'application/json', 'Last-Event-ID': 'earliest', 'Authorization': 'Bearer x'};
  const polled = await (await fetch('BASE/events/a', {headers, credentials: 'include'})).json();
  await say('polled ' + polled.events.map(event => event.data));
  await refused(await post({data: 1}));
};
source.onerror = () => { if (source.readyState === EventSource.CLOSED) say('closed for good'); };
</script>"#;

#[test]
fn a_page_of_an_origin_that_is_allowed_posts_reads_resumes_and_sees_why_it_is_refused() {
    let pages = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", pages.local_addr().unwrap());
    let args = ["--admin", "127.0.0.1:0", "--retry", "40ms", "--allow-origin", &origin];
    let mut server = Server::start(&args);
    let admin = server.admin();
    let page = PAGE_FROM_ELSEWHERE.replace("BASE", &format!("http://{}", server.address));
    std::thread::spawn(move || {
        for mut browser in pages.incoming().flatten() {
            let page = page.clone();
            // A browser connects ahead of what it asks, and by another connection may ask first.
            std::thread::spawn(move || {
                if browser.read(&mut [0; 4096]).is_ok_and(|len| len > 0) {
                    let _ = send_page(&mut browser, &page);
                }
            });
        }
    });
    let mut reports = server.subscribe("/events/report", "");
    let Some(_browser) = Browser::open(&origin) else {
        println!("skipped: there is no `chromium` here");
        return;
    };
    let (mut said, mut client) = (Vec::new(), String::new());
    let mut events = ["first", "last"].into_iter();
    while !said.last().is_some_and(|said: &String| said.starts_with("refused")) {
        let report = reports.data();
        match report.split_once(' ').unwrap() {
            ("connected", id) => {
                client = id.to_owned();
                let event = events.next().expect("it connects, and comes back once");
                server.publish(&format!(r#"{{"topic": "a", "data": "{event}"}}"#));
            }
            ("got", "first") => {
                said.push(report);
                end(admin, &client);
            }
            _ => said.push(report),
        }
    }
    let refusal = said.pop().unwrap();
    assert_eq!(said, ["got first", "got last", "polled first,last"]);
    assert!(refusal.starts_with("refused 400 The event names no topic"), "{refusal}");
}

/// Has the server end a stream.
fn end(admin: SocketAddr, client: &str) {
    let head = format!("DELETE /subscribers/{client} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut asked = TcpStream::connect(admin).unwrap();
    asked.write_all(head.as_bytes()).unwrap();
    assert_eq!(common::read_head(&mut std::io::BufReader::new(asked)).0, 200);
}

fn send_page(browser: &mut TcpStream, page: &str) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
    write!(browser, "{head}Content-Length: {}\r\n\r\n{page}", page.len())
}

/// Chromium without a window, with a profile of its own.
struct Browser {
    child: Child,
    profile: std::path::PathBuf,
}

impl Browser {
    fn open(url: &str) -> Option<Self> {
        // Of this test alone: they run at once.
        let name = url.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let profile =
            std::env::temp_dir().join(format!("sse-browser-{}-{name}", std::process::id()));
        let child = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
            .args(["--disable-component-update", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Some(Self { child: child.ok()?, profile })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself, and left nothing behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// Serves the page and passes on all else; what asks for the stream can be cut.
struct Relay {
    address: SocketAddr,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Relay {
    fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let streams = Arc::new(Mutex::new(Vec::new()));
        let of_threads = streams.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let streams = of_threads.clone();
                // A connection that breaks concerns its ends alone.
                std::thread::spawn(move || drop(relay(socket, server, &streams)));
            }
        });
        Self { address, streams }
    }

    /// Resets every connection that carries the stream.
    fn cut(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
            // The other clones close with it; the last one resets.
            let _ = stream.shutdown(std::net::Shutdown::Read);
        }
    }
}

fn relay(
    mut browser: TcpStream,
    server: SocketAddr,
    streams: &Mutex<Vec<TcpStream>>,
) -> std::io::Result<()> {
    let mut bytes = [0; 16 << 10];
    let mut upstream = TcpStream::connect(server)?;
    let (mut back, mut from) = (browser.try_clone()?, upstream.try_clone()?);
    std::thread::spawn(move || {
        let copied = std::io::copy(&mut from, &mut back);
        let _ = back.shutdown(std::net::Shutdown::Both);
        copied
    });
    loop {
        let len = browser.read(&mut bytes)?;
        if len == 0 {
            return upstream.shutdown(std::net::Shutdown::Both);
        }
        if bytes.starts_with(b"GET /page ") {
            return send_page(&mut browser, PAGE);
        }
        if bytes.starts_with(b"GET /events/a ") {
            streams.lock().unwrap().push(browser.try_clone()?);
        }
        upstream.write_all(&bytes[..len])?;
    }
}
