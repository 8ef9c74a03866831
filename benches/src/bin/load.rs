//! The same work for `sse-server` and for a server of axum and `tokio::sync::broadcast`, in one
//! run, as one table: loss, repeats, order, latency, CPU a delivery, memory a connection.
//!
//! `load SSE_SERVER AXUM_BROADCAST [SCALE]`, the paths of two binaries; a scale of 10 does a tenth
//! of the work. One thread reads all connections and publishes. The publisher never runs further
//! ahead of the slowest reader than its window, so that a lost event is a server's fault. All
//! traffic stays on the loopback address. CPU and memory are read from `/proc`: Linux only.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::{
    collections::VecDeque,
    fs,
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

/// How far the publisher may be ahead of the slowest reader, in events a topic.
const WINDOW: u64 = 256;
/// How many requests the publisher may have on the way.
const PIPELINE: usize = 64;
/// Bytes of data an event.
const DATA: usize = 160;
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone, Copy)]
struct Work {
    name: &'static str,
    subscribers: usize,
    topics: usize,
    /// Events in all.
    events: u64,
    /// Events a second; `None`: as fast as they are read.
    rate: Option<u64>,
    /// Subscribers more that never read.
    stalled: usize,
    data: usize,
}

const WORKS: [Work; 6] = [
    Work {
        name: "1k, 100/s",
        subscribers: 1000,
        topics: 1,
        events: 600,
        rate: Some(100),
        stalled: 0,
        data: DATA,
    },
    Work {
        name: "1k, saturated",
        subscribers: 1000,
        topics: 1,
        events: 4000,
        rate: None,
        stalled: 0,
        data: DATA,
    },
    Work {
        name: "10k, 10/s",
        subscribers: 9500,
        topics: 1,
        events: 60,
        rate: Some(10),
        stalled: 0,
        data: DATA,
    },
    Work {
        name: "10k, saturated",
        subscribers: 9500,
        topics: 1,
        events: 400,
        rate: None,
        stalled: 0,
        data: DATA,
    },
    Work {
        name: "1,000 topics × 9",
        subscribers: 9000,
        topics: 1000,
        events: 100_000,
        rate: None,
        stalled: 0,
        data: DATA,
    },
    Work {
        name: "1k, 200/s, 5 stalled",
        subscribers: 1000,
        topics: 1,
        events: 2000,
        rate: Some(200),
        stalled: 5,
        data: 2000,
    },
];

/// A server under load.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.as_mut() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim_end().strip_prefix("listening on http://").map(str::parse);
        match address {
            Some(Ok(address)) => Ok(Self { child, address }),
            _ => Err(io::Error::other(format!("the server said {line:?}"))),
        }
    }

    /// Seconds of CPU, in steps of 10 ms.
    fn cpu(&self) -> f64 {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = |n| after_name.split_whitespace().nth(n).and_then(|t| t.parse::<f64>().ok());
        (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
    }

    /// KiB of memory of its own.
    fn rss(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whatever state it is in, it is ours to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A subscriber.
struct Reader {
    stream: TcpStream,
    topic: usize,
    /// The beginning of a line whose rest has not come.
    rest: Vec<u8>,
    /// The number of the next event of its topic.
    next: u64,
    is_open: bool,
}

#[derive(Default)]
struct Tally {
    delivered: u64,
    lost: u64,
    repeated: u64,
    /// Connections that ended.
    ended: u64,
    /// In microseconds.
    latencies: Vec<u32>,
}

impl Reader {
    /// Reads all there is; false when the connection has ended.
    fn read(&mut self, buffer: &mut [u8], origin: Instant, tally: &mut Tally) -> bool {
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
struct Publisher {
    stream: TcpStream,
    out: VecDeque<u8>,
    answers: Vec<u8>,
    on_the_way: usize,
    refused: u64,
}

impl Publisher {
    fn post(&mut self, topic: usize, number: u64, sent: u64, data: usize) {
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

    fn flush(&mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(self.out.as_slices().0) {
                Ok(len) => drop(self.out.drain(..len)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
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

struct Row {
    tally: Tally,
    refused: u64,
    connect_cpu: f64,
    idle_kib: u64,
    peak_kib: u64,
    cpu: f64,
    seconds: f64,
    cut: usize,
}

fn connect(address: SocketAddr, path: &str) -> io::Result<TcpStream> {
    let mut stream = std::net::TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")?;
    // The head of the answer, one byte at a time so that nothing after it is taken.
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

fn run(server: &Server, work: Work) -> io::Result<Row> {
    let mut poll = Poll::new()?;
    let (cpu_before, rss_before) = (server.cpu(), server.rss());
    let mut readers = Vec::with_capacity(work.subscribers);
    for n in 0..work.subscribers {
        let topic = n % work.topics;
        let mut stream = connect(server.address, &format!("/events/t{topic}"))?;
        poll.registry().register(&mut stream, Token(n), Interest::READABLE)?;
        readers.push(Reader { stream, topic, rest: Vec::new(), next: 0, is_open: true });
    }
    let mut stalled: Vec<_> = (0..work.stalled)
        .map(|_| connect(server.address, "/events/t0"))
        .collect::<io::Result<_>>()?;
    let stream = TcpStream::from_std({
        let stream = std::net::TcpStream::connect(server.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        stream
    });
    let mut publisher =
        Publisher { stream, out: VecDeque::new(), answers: Vec::new(), on_the_way: 0, refused: 0 };
    let publishes = Token(usize::MAX);
    poll.registry().register(
        &mut publisher.stream,
        publishes,
        Interest::READABLE | Interest::WRITABLE,
    )?;

    let connected_cpu = server.cpu();
    let idle_kib = server.rss().saturating_sub(rss_before);
    let (origin, mut tally, mut buffer) = (Instant::now(), Tally::default(), vec![0; 256 << 10]);
    tally.latencies.reserve((work.events as usize * work.subscribers).div_ceil(work.topics));
    let (mut sent, mut events, mut peak_kib, mut looked) =
        (0, Events::with_capacity(4096), 0, origin);
    // Readers a topic, and of the events of a topic how many reads are outstanding.
    let per_topic = (work.subscribers / work.topics) as u64;
    loop {
        let expected = sent * per_topic;
        let open = readers.iter().filter(|reader| reader.is_open).count();
        let over = sent == work.events && tally.delivered + tally.lost >= expected;
        if over || open == 0 || origin.elapsed() > PATIENCE {
            break;
        }
        let outstanding =
            expected.saturating_sub(tally.delivered + tally.lost + tally.ended * WINDOW);
        let mut wait = Duration::from_millis(100);
        while sent < work.events && publisher.on_the_way < PIPELINE {
            match work.rate {
                Some(rate) => {
                    let due = Duration::from_micros(sent * 1_000_000 / rate);
                    let elapsed = origin.elapsed();
                    if due > elapsed {
                        wait = wait.min(due - elapsed);
                        break;
                    }
                }
                None if outstanding > WINDOW / 2 * per_topic => break,
                None if publisher.on_the_way as u64 >= WINDOW / 2 => break,
                None => {}
            }
            let topics = work.topics as u64;
            let now = origin.elapsed().as_micros() as u64;
            publisher.post((sent % topics) as usize, sent / topics, now, work.data);
            sent += 1;
        }
        publisher.flush()?;
        poll.poll(&mut events, Some(wait))?;
        for event in &events {
            if event.token() == publishes {
                publisher.read(&mut buffer)?;
                continue;
            }
            let reader = &mut readers[event.token().0];
            if reader.is_open && !reader.read(&mut buffer, origin, &mut tally) {
                reader.is_open = false;
                tally.ended += 1;
                let last = (work.events / work.topics as u64).max(reader.next);
                tally.lost += last - reader.next;
                let _ = reader.topic;
            }
        }
        if looked.elapsed() > Duration::from_millis(50) {
            looked = Instant::now();
            peak_kib = peak_kib.max(server.rss().saturating_sub(rss_before));
        }
    }
    let expected = work.events * per_topic;
    tally.lost = tally.lost.max(expected.saturating_sub(tally.delivered - tally.repeated));
    let seconds = origin.elapsed().as_secs_f64();
    let mut cut = 0;
    for stream in &mut stalled {
        cut += usize::from(loop {
            match stream.read(&mut buffer) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => break error.kind() == ErrorKind::ConnectionReset,
            }
        });
    }
    Ok(Row {
        cut,
        refused: publisher.refused,
        connect_cpu: connected_cpu - cpu_before,
        idle_kib,
        peak_kib,
        cpu: server.cpu() - connected_cpu,
        seconds,
        tally,
    })
}

fn print(work: Work, server: &str, mut row: Row) {
    let latencies = &mut row.tally.latencies;
    latencies.sort_unstable();
    let percentile = |p: usize| {
        let at = (latencies.len() * p / 1000).min(latencies.len().saturating_sub(1));
        f64::from(latencies.get(at).copied().unwrap_or(0)) / 1000.0
    };
    let connections = (work.subscribers + work.stalled) as f64;
    println!(
        "| {} | {server} | {:.2} | {:.0} | {:.1} / {:.1} / {:.1} | {} / {} / {} | {:.1} | {:.1} | {:.0} | {} |",
        work.name,
        row.cpu * 1e6 / (row.tally.delivered.max(1) as f64),
        row.tally.delivered as f64 / row.seconds / 1000.0,
        percentile(500),
        percentile(990),
        percentile(999),
        row.tally.lost,
        row.tally.repeated,
        row.refused,
        row.idle_kib as f64 / connections,
        row.peak_kib as f64 / connections,
        row.connect_cpu * 1e6 / connections,
        if work.stalled > 0 { format!("{} of {}", row.cut, work.stalled) } else { "-".into() },
    );
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [hub, peer, scale @ ..] = &arguments[..] else {
        eprintln!("usage: load SSE_SERVER AXUM_BROADCAST [SCALE [WORK]]");
        std::process::exit(2);
    };
    let scale: u64 = scale.first().and_then(|scale| scale.parse().ok()).unwrap_or(1).max(1);
    let only = arguments.get(3);
    println!(
        "| work | server | CPU s/M | k deliveries/s | p50 / p99 / p99.9 ms | lost / repeated / refused | idle KiB a connection | peak KiB | connect µs | cut |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for mut work in WORKS {
        if only.is_some_and(|only| !work.name.contains(only.as_str())) {
            continue;
        }
        work.subscribers = (work.subscribers as u64 / scale).max(1) as usize;
        work.topics = (work.topics as u64 / scale).max(1) as usize;
        work.events = (work.events / scale).max(1);
        let flags = [
            "--listen",
            "127.0.0.1:0",
            "--streams-per-address",
            "1000000",
            "--publish-rate",
            "1000000",
        ];
        let mut commands =
            [("sse-server", Command::new(hub)), ("axum + broadcast", Command::new(peer))];
        commands[0].1.args(flags);
        for (name, command) in &mut commands {
            let server = Server::start(command)?;
            let row = run(&server, work)?;
            print(work, name, row);
        }
    }
    Ok(())
}
