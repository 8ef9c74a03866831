//! The real hub, as a process.

use core::net::SocketAddr;
use std::{
    env,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::Command,
};

use serde_json::{Value, json};

use super::process::Process;

/// `sse-server`, until it is dropped.
#[derive(Debug)]
pub(crate) struct Hub {
    process: Process,
    address: SocketAddr,
}

impl Hub {
    /// Starts it on `port`, or on a free one for 0, and waits until it accepts.
    pub(crate) fn start(port: u16) -> Self {
        Self::start_with(port, &[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(port: u16, flags: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command
            .args(["--listen", &format!("127.0.0.1:{port}")])
            // Short, since nothing is tested of how long clients wait.
            .args(["--retry", "200ms", "--drain", "5s"])
            .args(flags);
        let hint = "build it with `cargo build -p sse-server`";
        let mut process = Process::start("sse-server", &mut command, hint);
        let line = process.first_line();
        let address = line
            .strip_prefix("listening on http://")
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("sse-server said {line:?} instead of where it listens"));
        Self { process, address }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// Publishes to everyone, and gives the event's id.
    pub(crate) fn publish(&self, event: &str, data: &str) -> String {
        let body = json!({ "all": true, "event": event, "data": data }).to_string();
        let mut stream = TcpStream::connect(self.address).expect("the hub accepts");
        write!(
            stream,
            "POST /publish HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len(),
        )
        .expect("the hub reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the hub answers in text");
        assert!(answer.starts_with("HTTP/1.1 200 "), "publishing was refused: {answer}");
        let json = answer.split_once("\r\n\r\n").expect("an answer has a body").1;
        let answer: Value = serde_json::from_str(json).expect("the body is JSON");
        answer["id"].as_str().expect("the answer has the id").to_owned()
    }

    /// Ends it as an operator does.
    pub(crate) fn stop(mut self) {
        let status = self.process.terminate();
        assert!(status.success(), "sse-server ended with {status}");
    }
}

fn binary() -> PathBuf {
    if let Some(given) = env::var_os("SSE_SERVER_BIN") {
        return given.into();
    }
    // This test lies in target/debug/deps, the binaries in target/debug.
    let test = env::current_exe().expect("a process knows its file");
    let folder = test.ancestors().nth(2).expect("tests lie two folders deep");
    let found = folder.join("sse-server").with_extension(env::consts::EXE_EXTENSION);
    assert!(
        found.is_file(),
        "there is no {}: build it with `cargo build -p sse-server`, or name one in SSE_SERVER_BIN",
        found.display()
    );
    found
}
