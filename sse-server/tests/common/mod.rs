//! The binary, and a client of few words on bare sockets.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test fails by panic")]

use core::{net::SocketAddr, time::Duration};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
};

use sse_codec::{Decoder, Item, Limits, OwnedEvent};

/// A guard against hanging for ever; nothing is concluded from the time that passes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of something a test does: little in the ordinary run, more in a long one.
pub fn amount(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |amount| amount.parse().expect(variable))
}

/// A running `sse-server`, ended with its owner.
pub struct Server {
    pub child: Child,
    pub address: SocketAddr,
    stdout: BufReader<ChildStdout>,
}

pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-server"));
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Server {
    pub fn start(args: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", args)
    }

    pub fn start_on(listen: &str, args: &[&str]) -> Self {
        Self::begin(&mut command(&[&["--listen", listen], args].concat()))
    }

    /// With so many descriptors at most.
    #[cfg(unix)]
    pub fn start_limited(descriptors: u32) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -n $0 && exec \"$@\"", &descriptors.to_string()]);
        shell.args([env!("CARGO_BIN_EXE_sse-server"), "--listen", "127.0.0.1:0"]);
        Self::begin(shell.stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    fn begin(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").map(str::parse);
        let Some(Ok(address)) = address else {
            child.kill().unwrap();
            let mut words = String::new();
            child.stderr.take().map(|mut stderr: ChildStderr| stderr.read_to_string(&mut words));
            panic!("it said {line:?} and {words:?}");
        };
        Self { child, address, stdout }
    }

    /// The address of its second line.
    pub fn admin(&mut self) -> SocketAddr {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().strip_prefix("admin on http://").unwrap().parse().unwrap()
    }

    /// KiB of memory of its own.
    #[cfg(target_os = "linux")]
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// How many descriptors it has open.
    #[cfg(target_os = "linux")]
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// All that there is at one of its listeners, as it says itself: methods and paths.
    pub fn routes(&self, address: SocketAddr) -> Vec<(String, String)> {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = "GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        assert_eq!(read_head(&mut reader).0, 404);
        let body: serde_json::Value = serde_json::from_reader(reader).unwrap();
        let sentence = body["error"].as_str().unwrap();
        let list = sentence.strip_prefix("There is nothing at /nothing; ").expect(sentence);
        let list = list.strip_suffix(" are all there is.").expect(sentence).replace(" and ", ", ");
        let list = list.replace("{topic}", "a").replace("{clientId}", "0").replace('…', "a");
        let routes = list.split(", ").map(|route| route.split_once(' ').expect(sentence));
        let routes = routes.map(|(method, path)| (method.to_owned(), path.to_owned()));
        routes.collect()
    }

    /// What the admin listener says of it.
    pub fn stats(&self, admin: SocketAddr) -> serde_json::Value {
        let mut stream = TcpStream::connect(admin).unwrap();
        let head = "GET /stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        assert_eq!(read_head(&mut reader).0, 200);
        serde_json::from_reader(reader).unwrap()
    }

    /// Ends the streams of a user, as whoever runs it may.
    pub fn revoke(&self, admin: SocketAddr, user: &str) {
        let mut stream = TcpStream::connect(admin).unwrap();
        let head = format!("POST /revoke?user={user} HTTP/1.1\r\nHost: localhost\r\n");
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(read_head(&mut BufReader::new(stream)).0, 200);
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub fn publish(&self, json: &str) -> String {
        let answer = self.post("/publish", json);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        answer["id"].as_str().unwrap().to_owned()
    }

    pub fn post(&self, path: &str, json: &str) -> Answer {
        self.request("POST", path, "Content-Type: application/json\r\n", json.as_bytes())
    }

    pub fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let len = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {len}\r\n{headers}\r\n"
        );
        let mut reader = self.send(&[head.as_bytes(), body].concat());
        let (status, headers) = read_head(&mut reader);
        let mut body = String::new();
        reader.read_to_string(&mut body).unwrap();
        Answer { status, headers, body }
    }

    pub fn json(&self, method: &str, path: &str, headers: &str) -> serde_json::Value {
        let headers = format!("Accept: application/json\r\n{headers}");
        let answer = self.request(method, path, &headers, b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).expect(&answer.body)
    }

    pub fn send(&self, bytes: &[u8]) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        BufReader::new(stream)
    }

    /// Opens an event stream.
    pub fn open(&self, path: &str, headers: &str) -> Stream {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let mut reader = self.send(head.as_bytes());
        let (status, headers) = read_head(&mut reader);
        assert_eq!(status, 200);
        // What the server let through is as large as it is.
        let decoder = Decoder::with_limits(Limits::default().line(usize::MAX).event(usize::MAX));
        Stream { reader, headers, decoder, bytes: Vec::new(), read: 0 }
    }

    /// Opens an event stream and reads its `connected` event.
    pub fn subscribe(&self, path: &str, headers: &str) -> Stream {
        let mut stream = self.open(path, headers);
        assert_eq!(stream.event().event_type, "connected");
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

impl Answer {
    /// The sentence of a refusal.
    pub fn error(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect(&self.body);
        body["error"].as_str().expect(&self.body).to_owned()
    }
}

/// An open event stream.
pub struct Stream {
    reader: BufReader<TcpStream>,
    pub headers: String,
    decoder: Decoder,
    pub bytes: Vec<u8>,
    read: usize,
}

impl Stream {
    /// The next event.
    pub fn event(&mut self) -> OwnedEvent {
        loop {
            let mut input = &self.bytes[self.read..];
            let before = input.len();
            let event = match self.decoder.decode(&mut input).unwrap() {
                Some(Item::Event(event)) => Some(event.to_owned()),
                Some(_) | None => None,
            };
            self.read += before - input.len();
            if let Some(event) = event {
                return event;
            }
            if self.read == self.bytes.len() {
                assert!(self.chunk(), "the stream ended");
            }
        }
    }

    /// The data of the next event.
    pub fn data(&mut self) -> String {
        self.event().data
    }

    /// Reads until the stream holds these bytes.
    pub fn wait_for(&mut self, bytes: &str) {
        while !String::from_utf8_lossy(&self.bytes).contains(bytes) {
            assert!(self.chunk(), "the stream ended");
        }
    }

    /// Reads to the end of the stream.
    pub fn rest(&mut self) -> String {
        while self.chunk() {}
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    /// Sends something more on its connection.
    pub fn send(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).unwrap();
    }

    /// Once it has ended: the answer to what was sent then, which is the connection's last.
    pub fn answer(&mut self) -> (u16, String) {
        let (status, _) = read_head(&mut self.reader);
        let mut body = String::new();
        self.reader.read_to_string(&mut body).unwrap();
        (status, body)
    }

    /// Waits for its connection to be reset, without reading, which would be a sign of life.
    pub fn wait_for_reset(&mut self) {
        while self.reader.get_ref().take_error().unwrap().is_none() {
            std::thread::yield_now();
        }
    }

    /// Reads one chunk; false at the end.
    fn chunk(&mut self) -> bool {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        let len = usize::from_str_radix(line.trim_end(), 16).expect("the size of a chunk");
        let mut chunk = vec![0; len + 2];
        self.reader.read_exact(&mut chunk).unwrap();
        self.bytes.extend_from_slice(&chunk[..len]);
        len > 0
    }
}

pub fn read_head(reader: &mut impl BufRead) -> (u16, String) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "the head ended early: {head}");
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head.to_ascii_lowercase())
}
