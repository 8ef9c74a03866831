//! One work on one server, a slice at a time.

use std::{
    io::{self, ErrorKind, Read},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    client::{Publisher, Reader, Tally, subscribe},
    process::Server,
    work::Work,
};

/// How far the publisher may be ahead of the slowest reader, in events a topic.
const WINDOW: u64 = 256;
/// How many requests the publisher may have on the way.
const PIPELINE: usize = 64;
/// After which a slice is over, whatever is missing.
const PATIENCE: Duration = Duration::from_secs(60);

const PUBLISHER: Token = Token(usize::MAX);

/// A server with all its subscribers.
pub(crate) struct Run<'a> {
    server: &'a Server,
    work: Work,
    poll: Poll,
    readers: Vec<Reader>,
    stalled: Vec<TcpStream>,
    publisher: Publisher,
    sent: u64,
    origin: Instant,
    buffer: Vec<u8>,
    row: Row,
    rss_before: u64,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) tally: Tally,
    pub(crate) refused: u64,
    pub(crate) connect_cpu: Duration,
    pub(crate) idle_kib: u64,
    pub(crate) peak_kib: u64,
    pub(crate) cpu: Duration,
    pub(crate) time: Duration,
    pub(crate) cut: usize,
}

impl<'a> Run<'a> {
    /// Connects all subscribers and the publisher.
    pub(crate) fn connect(server: &'a Server, work: Work) -> io::Result<Self> {
        let poll = Poll::new()?;
        let (cpu_before, rss_before) = (server.cpu(), server.rss());
        let mut readers = Vec::with_capacity(work.subscribers);
        for n in 0..work.subscribers {
            let mut stream = subscribe(server.address, &format!("/events/t{}", n % work.topics))?;
            poll.registry().register(&mut stream, Token(n), Interest::READABLE)?;
            readers.push(Reader::new(stream));
        }
        let stalled: io::Result<_> =
            (0..work.stalled).map(|_| subscribe(server.address, "/events/t0")).collect();
        let mut publisher = Publisher::connect(server.address)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut publisher.stream, PUBLISHER, interest)?;
        let mut row = Row {
            connect_cpu: server.cpu().saturating_sub(cpu_before),
            idle_kib: server.rss().saturating_sub(rss_before),
            ..Row::default()
        };
        let deliveries = (work.events as usize * work.subscribers).div_ceil(work.topics);
        row.tally.latencies.reserve(deliveries);
        Ok(Self {
            server,
            work,
            poll,
            readers,
            stalled: stalled?,
            publisher,
            sent: 0,
            origin: Instant::now(),
            buffer: vec![0; 256 << 10],
            row,
            rss_before,
        })
    }

    /// Publishes so many events more, and waits until all have been read.
    pub(crate) fn slice(&mut self, events: u64) -> io::Result<()> {
        let last = (self.sent + events).min(self.work.events);
        let first = self.sent;
        let (cpu, start) = (self.server.cpu(), Instant::now());
        let mut looked = start;
        let mut ready = Events::with_capacity(4096);
        loop {
            let open = self.readers.iter().any(|reader| reader.is_open);
            let is_read = self.sent == last && self.outstanding() == 0;
            if is_read && self.publisher.on_the_way == 0 || !open || start.elapsed() > PATIENCE {
                break;
            }
            let wait = self.publish(first, last, start);
            self.publisher.flush()?;
            self.poll.poll(&mut ready, Some(wait))?;
            for event in &ready {
                self.read(event.token())?;
            }
            if looked.elapsed() > Duration::from_millis(50) {
                looked = Instant::now();
                let kib = self.server.rss().saturating_sub(self.rss_before);
                self.row.peak_kib = self.row.peak_kib.max(kib);
            }
        }
        self.row.time += start.elapsed();
        self.row.cpu += self.server.cpu().saturating_sub(cpu);
        Ok(())
    }

    /// Deliveries that are due and have not come.
    fn outstanding(&self) -> u64 {
        let tally = &self.row.tally;
        let done = tally.delivered - tally.repeated + tally.lost;
        (self.sent * self.per_topic()).saturating_sub(done + tally.ended * WINDOW)
    }

    const fn per_topic(&self) -> u64 {
        (self.work.subscribers / self.work.topics) as u64
    }

    /// Publishes what is due, and says how long there is nothing more to publish.
    fn publish(&mut self, first: u64, last: u64, start: Instant) -> Duration {
        let topics = self.work.topics as u64;
        // At first all topics get an event, which is one a subscriber outstanding.
        let ahead = WINDOW / 2 * self.per_topic();
        while self.sent < last && self.publisher.on_the_way < PIPELINE {
            match self.work.rate {
                Some(rate) => {
                    let due = Duration::from_micros((self.sent - first) * 1_000_000 / rate);
                    let elapsed = start.elapsed();
                    if due > elapsed {
                        return (due - elapsed).min(Duration::from_millis(100));
                    }
                }
                None if self.outstanding() > ahead => break,
                None => {}
            }
            let now = self.origin.elapsed().as_micros() as u64;
            let topic = (self.sent % topics) as usize;
            self.publisher.post(topic, self.sent / topics, now, self.work.data);
            self.sent += 1;
        }
        Duration::from_millis(100)
    }

    fn read(&mut self, token: Token) -> io::Result<()> {
        if token == PUBLISHER {
            return self.publisher.read(&mut self.buffer);
        }
        let (reader, tally) = (&mut self.readers[token.0], &mut self.row.tally);
        if reader.is_open && !reader.read(&mut self.buffer, self.origin, tally) {
            reader.is_open = false;
            tally.ended += 1;
            let last = (self.work.events / self.work.topics as u64).max(reader.next);
            tally.lost += last - reader.next;
        }
        Ok(())
    }

    /// Counts up what is missing, and which of those that never read were cut.
    pub(crate) fn finish(mut self) -> Row {
        let expected = self.sent * self.per_topic();
        let tally = &mut self.row.tally;
        tally.lost = tally.lost.max(expected.saturating_sub(tally.delivered - tally.repeated));
        for stream in &mut self.stalled {
            self.row.cut += usize::from(loop {
                match stream.read(&mut self.buffer) {
                    Ok(0) => break true,
                    Ok(_) => {}
                    Err(error) => break error.kind() == ErrorKind::ConnectionReset,
                }
            });
        }
        self.row.refused = self.publisher.refused;
        self.row
    }
}
