//! The streams that are watched, and who else reads them.

use std::{
    io::{self, Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
};

use futures_util::StreamExt;

/// The event bars are given for: about 300 bytes, of which the data is most.
pub(crate) fn event(n: u64, out: &mut Vec<u8>) {
    const WORDS: &str = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor \
                         incididunt ut labore et dolore magna aliqua ut enim ad minim veniam quis \
                         nostrud exercitation ullamco laboris nisi";
    let text = &WORDS[..190];
    let kind = n % 7;
    let _ = write!(
        out,
        "id: {n}\nevent: kind{kind}\ndata: {{\"n\":{n},\"user\":\"u{}\",\"value\":{}.{:02},\"text\":\"{text}\"}}\n\n",
        n * 7919 % 100_003,
        n % 1000,
        n % 100,
    );
}

/// An event of 150 bytes, for the search.
pub(crate) fn short(n: u64, out: &mut Vec<u8>) {
    let _ = write!(
        out,
        "id: {n}\ndata: {{\"n\":{n},\"text\":\"{:-<90} {:08x}\"}}\n\n",
        "a line of a log ",
        needle(n)
    );
}

/// What the event of this number alone has in its text.
pub(crate) fn needle(n: u64) -> u32 {
    n.wrapping_mul(2_654_435_761) as u32
}

/// Sends the events to everyone who asks, and closes.
pub(crate) fn serve(events: u64, event: fn(u64, &mut Vec<u8>)) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // Made once, so that the sender is never what is measured.
    let mut body = Vec::new();
    (0..events).for_each(|n| event(n, &mut body));
    let body = Arc::new(body);
    thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            let body = Arc::clone(&body);
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && socket.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                let _ = socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(&body));
            });
        }
    });
    Ok(format!("http://{address}/"))
}

/// The body of so many events, made as it is read.
pub(crate) struct Body {
    pub(crate) next: u64,
    pub(crate) events: u64,
    pub(crate) made: Vec<u8>,
    pub(crate) at: usize,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.made.len() {
            self.made.clear();
            self.at = 0;
            let end = self.events.min(self.next + 1000);
            (self.next..end).for_each(|n| short(n, &mut self.made));
            self.next = end;
        }
        let count = buffer.len().min(self.made.len() - self.at);
        buffer[..count].copy_from_slice(&self.made[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

pub(crate) fn curl(url: &str) -> io::Result<()> {
    let mut curl = Command::new("curl").args(["-sN", url]).stdout(Stdio::piped()).spawn()?;
    let out = curl.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let counted = Command::new("wc").arg("-l").stdin(out).output()?;
    curl.wait()?;
    if counted.stdout.len() > 1 { Ok(()) } else { Err(io::Error::other("curl read nothing")) }
}

pub(crate) fn sse_tail(command: &Path, url: &str, events: u64) -> io::Result<()> {
    let mut tail = Command::new(command)
        .args(["tail", "--silent", "--once", url])
        .stdout(Stdio::piped())
        .spawn()?;
    let out = tail.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let counted = Command::new("wc").arg("-l").stdin(out).output()?;
    tail.wait()?;
    let lines = String::from_utf8_lossy(&counted.stdout).trim().parse();
    if lines == Ok(events) {
        Ok(())
    } else {
        Err(io::Error::other(format!("sse tail printed {lines:?} of {events} lines")))
    }
}

pub(crate) fn sse_stream(url: &str) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?;
        let response = client.get(url).send().await.map_err(io::Error::other)?;
        let mut events = sse_stream::SseStream::from_bytes_stream(response.bytes_stream());
        let mut bytes = 0;
        while let Some(event) = events.next().await {
            bytes += event.map_err(io::Error::other)?.data.map_or(0, |data| data.len());
        }
        if bytes > 0 { Ok(()) } else { Err(io::Error::other("sse-stream read nothing")) }
    })
}
