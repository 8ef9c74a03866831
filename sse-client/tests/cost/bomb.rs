//! A little gzip that is a lot of text.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use core::{mem, net::SocketAddr};
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use flate2::{Compression, write::GzEncoder};
use sse_client::{Error, EventSource, Limits, SessionError, session::FailureKind};

use crate::peak;

const LETTERS: usize = 64 << 20;
const LINE: usize = 64 << 10;

/// hyper reads up to 408 KiB at once, and has two such buffers while it grows one.
const HTTP_CLIENT: usize = 1 << 20;

#[test]
fn a_compressed_line_without_end_takes_no_more_memory_than_the_limits() {
    let address = serve(bomb());
    let builder =
        EventSource::builder(format!("http://{address}/")).client(|client| client.no_proxy());
    let mut source = builder.limits(Limits::default().line(LINE)).open().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let taken = peak(|| {
        runtime.block_on(async {
            let Some(Err(Error::Dropped(error))) = source.next().await else {
                panic!("not dropped");
            };
            assert!(error.to_string().contains("longer than the limit of 65536 bytes"), "{error}");
            assert_eq!(source.next().await.unwrap().unwrap().data(), "small");
        });
    });
    println!("{taken} bytes at most for {LETTERS} letters, the HTTP client's buffers included");
    let allowed = LINE + (64 << 10) + HTTP_CLIENT;
    assert!(taken <= allowed as i64, "{taken} of {allowed} bytes");
}

#[test]
fn a_gibibyte_of_one_letter_is_cut_off_and_takes_no_more_memory_either() {
    let body = one_letter();
    let wire = body.len();
    let address = serve(body);
    let builder =
        EventSource::builder(format!("http://{address}/")).client(|client| client.no_proxy());
    let mut source = builder.limits(Limits::default().line(LINE)).open().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut end = None;
    let taken = peak(|| {
        runtime.block_on(async {
            let Some(Err(Error::Dropped(_))) = source.next().await else { panic!("not dropped") };
            end = source.next().await;
            assert!(source.next().await.is_none());
        });
    });
    let Some(Err(Error::Failed(SessionError::Transport(failure)))) = end else {
        panic!("{end:?}");
    };
    assert_eq!(failure.kind, FailureKind::Expansion);
    println!("{failure}; {taken} bytes at most for a body of {wire}");
    let allowed = LINE + (64 << 10) + HTTP_CLIENT;
    assert!(taken <= allowed as i64, "{taken} of {allowed} bytes");
}

/// A GiB of them, in a MiB.
fn one_letter() -> Vec<u8> {
    let letters = vec![b'x'; 1 << 20];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let mut parts = [&[][..], &letters, &letters].map(|letters| {
        encoder.write_all(letters).unwrap();
        encoder.flush().unwrap();
        mem::take(encoder.get_mut())
    });
    // The last is whole bytes, and says "as before": it can be said again and again.
    parts[2] = parts[2].repeat(1023);
    parts.concat()
}

/// One event with a very long line and one with a short one, in 13 bits for 258 letters.
fn bomb() -> Vec<u8> {
    let mut bits = Bits { bytes: vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF], free: 0 };
    bits.stored("data: ");
    // A block in the fixed code of RFC 1951: the letter x, then "258 bytes like the one before".
    bits.push(0b010, 3);
    bits.push(0b0001_0101, 8);
    for _ in 0..LETTERS / 258 {
        bits.push(0b1010_0011, 8);
        bits.push(0, 5);
    }
    bits.push(0, 7);
    bits.stored("\n\ndata: small\n\n");
    bits.bytes
}

/// Bits, the lowest first.
struct Bits {
    bytes: Vec<u8>,
    /// How many bits of the last byte are free.
    free: u8,
}

impl Bits {
    fn push(&mut self, bits: u8, count: u8) {
        for bit in 0..count {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            *self.bytes.last_mut().unwrap() |= (bits >> bit & 1) << (8 - self.free);
            self.free -= 1;
        }
    }

    /// A block of text as it is.
    fn stored(&mut self, text: &str) {
        self.push(0b000, 3);
        self.free = 0;
        let length = u16::try_from(text.len()).unwrap();
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend((!length).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }
}

/// Gives the body to the first who asks, and waits for it to leave.
fn serve(body: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut byte = [0];
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            socket.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    content-encoding: gzip\r\nconnection: close\r\n\r\n";
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(&body).unwrap();
        // An end or a reset: it has left.
        while socket.read(&mut byte).is_ok_and(|read| read > 0) {}
    });
    address
}
