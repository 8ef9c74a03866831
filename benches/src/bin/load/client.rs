//! Subscribers and the publisher, on bare sockets that do not block.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    time::Instant,
};

use mio::net::TcpStream;

/// What the subscribers of a server have read.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    /// Read again, or after a later one.
    pub(crate) repeated: u64,
    /// Connections that ended.
    pub(crate) ended: u64,
    /// In microseconds.
    pub(crate) latencies: Vec<u32>,
}

/// A subscriber.
pub(crate) struct Reader {
    pub(crate) stream: TcpStream,
    /// The beginning of a line whose rest has not come.
    rest: Vec<u8>,
    /// The number of the next event of its topic.
    pub(crate) next: u64,
    pub(crate) is_open: bool,
}

/// Asks for the events of a path, and reads the head of the answer.
pub(crate) fn subscribe(address: SocketAddr, path: &str) -> io::Result<TcpStream> {
    let mut stream = std::net::TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")?;
    // One byte at a time, so that nothing after it is taken.
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if !head.starts_with(b"HTTP/1.1 200") {
        return Err(io::Error::other(String::from_utf8_lossy(&head).into_owned()));
    }
    stream.set_nonblocking(true)?;
    Ok(TcpStream::from_std(stream))
}

impl Reader {
    pub(crate) const fn new(stream: TcpStream) -> Self {
        Self { stream, rest: Vec::new(), next: 0, is_open: true }
    }

    /// Reads all there is; false when the connection has ended.
    pub(crate) fn read(&mut self, buffer: &mut [u8], origin: Instant, tally: &mut Tally) -> bool {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(len) => self.take(&buffer[..len], origin, tally),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    fn take(&mut self, bytes: &[u8], origin: Instant, tally: &mut Tally) {
        let now = origin.elapsed().as_micros() as u64;
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            if self.rest.is_empty() {
                self.line(line, now, tally);
            } else {
                let mut whole = core::mem::take(&mut self.rest);
                whole.extend_from_slice(line);
                self.line(&whole, now, tally);
            }
        }
        self.rest.extend_from_slice(rest);
    }

    fn line(&mut self, line: &[u8], now: u64, tally: &mut Tally) {
        // The data of the hub's own events begins otherwise.
        let Some(data) = line.strip_prefix(b"data: #") else { return };
        let mut numbers = data.split(|&byte| byte == b' ').map(|digits| {
            digits
                .iter()
                .fold(0u64, |n, digit| n.wrapping_mul(10).wrapping_add(u64::from(digit & 15)))
        });
        let (Some(number), Some(sent)) = (numbers.next(), numbers.next()) else { return };
        tally.delivered += 1;
        tally.latencies.push(now.saturating_sub(sent) as u32);
        if number < self.next {
            tally.repeated += 1;
        } else {
            tally.lost += number - self.next;
            self.next = number + 1;
        }
    }
}

/// One connection that posts, with requests in a row.
pub(crate) struct Publisher {
    pub(crate) stream: TcpStream,
    out: VecDeque<u8>,
    answers: Vec<u8>,
    pub(crate) on_the_way: usize,
    pub(crate) refused: u64,
}

impl Publisher {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            out: VecDeque::new(),
            answers: Vec::new(),
            on_the_way: 0,
            refused: 0,
        })
    }

    pub(crate) fn post(&mut self, topic: usize, number: u64, sent: u64, data: usize) {
        let mut text = format!("#{number} {sent} ");
        text.extend(std::iter::repeat_n('x', data.saturating_sub(text.len())));
        let body = format!("{{\"topic\":\"t{topic}\",\"data\":\"{text}\"}}");
        let head = format!(
            "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.out.extend(head.as_bytes());
        self.out.extend(body.as_bytes());
        self.on_the_way += 1;
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(self.out.as_slices().0) {
                Ok(len) => drop(self.out.drain(..len)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(io::Error::other("the server hung up on the publisher")),
                Ok(len) => self.answers.extend_from_slice(&buffer[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let answers = memchr::memmem::find_iter(&self.answers, b"HTTP/1.1 ");
        let statuses: Vec<_> =
            answers.map(|at| (at, self.answers.get(at + 9..at + 12) == Some(b"200"))).collect();
        // The last may not have come whole: it is counted with what follows.
        let whole = self.answers.ends_with(b"}");
        let done = if whole { statuses.len() } else { statuses.len().saturating_sub(1) };
        self.refused += statuses[..done].iter().filter(|(_, fine)| !fine).count() as u64;
        self.on_the_way -= done;
        let keep =
            if whole { self.answers.len() } else { statuses.last().map_or(0, |&(at, _)| at) };
        self.answers.drain(..keep);
        Ok(())
    }
}
