//! A server that does what a test tells it, byte by byte, on a loopback socket.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use core::net::SocketAddr;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
};

use tokio::net::TcpSocket;

/// A listener on a free port.
pub(crate) struct Origin {
    listener: TcpListener,
}

/// A request whose answer the test writes.
pub(crate) struct Exchange {
    /// The request's head.
    pub(crate) head: String,
    stream: BufReader<TcpStream>,
}

/// What opens an event stream. Its body ends with the connection.
const OPEN: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// An address that refuses, and what keeps its port from everyone else: bound, it never listens.
pub(crate) fn nowhere() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

impl Origin {
    pub(crate) fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    /// On an address that refused until now.
    pub(crate) fn on(listener: TcpListener) -> Self {
        Self { listener }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events", self.listener.local_addr().unwrap())
    }

    pub(crate) fn listener(&self) -> &TcpListener {
        &self.listener
    }

    /// Waits for the next request.
    pub(crate) fn accept(&self) -> Exchange {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).unwrap(), 0, "the request breaks off: {head}");
        }
        Exchange { head, stream }
    }

    /// Waits for the next request and answers it with an event stream that begins so.
    pub(crate) fn open(&self, body: &str) -> Exchange {
        let mut exchange = self.accept();
        exchange.send(OPEN);
        exchange.send(body);
        exchange
    }

    /// Answers the next request and closes the connection.
    pub(crate) fn answer(&self, response: &str) {
        self.accept().send(response);
    }
}

impl Exchange {
    /// A header of the request.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn send(&mut self, bytes: &str) {
        self.stream.get_mut().write_all(bytes.as_bytes()).unwrap();
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// The next bytes of the request's body.
    pub(crate) fn receive(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Sends until the other side takes no more, or has gone; says how many bytes went.
    pub(crate) fn flood(&mut self, bytes: &[u8], most: usize) -> usize {
        let mut sent = 0;
        while sent < most && self.stream.get_mut().write_all(bytes).is_ok() {
            sent += bytes.len();
        }
        sent
    }

    /// Waits until the other side closes the connection.
    pub(crate) fn closed(mut self) {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = self.stream.read_to_end(&mut rest);
    }

    /// Ends the response; the other side sees its end at once.
    pub(crate) fn end(self) {
        let _ = self.stream.get_ref().shutdown(Shutdown::Both);
    }
}
