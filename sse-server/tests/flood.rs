//! Those who only take up room: half-open connections, heads without end, HTTP/2 abused. Others are
//! served meanwhile, and all that it took is given back.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::unwrap_used)]

mod common;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use common::{Server, amount, read_head};

#[test]
fn half_open_connections_cost_little_leave_others_alone_and_end() {
    let crowd = amount("SSE_CROWD", 200);
    let server = Server::start(&["--head-timeout", "2s", "--connections-per-address", "20000"]);
    let (memory, descriptors) = (server.memory(), server.descriptors());
    let beginnings = ["", "G", "GET /events HTTP/1.1\r\nHost: l", "PRI * HTTP/2.0\r\n\r\nSM\r\n"];
    let mut half_open: Vec<_> = (0..crowd)
        .map(|n| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(beginnings[n % beginnings.len()].as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..50 {
        assert_eq!(server.request("GET", "/healthz", "", b"").status, 200);
    }
    let each = server.memory().saturating_sub(memory) / crowd as u64;
    println!("{each} KiB a half-open connection, {crowd} of them");
    // 100 MiB for 10,000.
    assert!(each <= 10, "{each} KiB");
    for stream in &mut half_open {
        // Hung up on, whether in peace or not.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    while server.descriptors() > descriptors {
        std::thread::yield_now();
    }
}

#[test]
fn health_is_told_while_there_is_no_room_for_a_crowd() {
    let limits = ["--max-connections", "40", "--streams-per-address", "20", "--connect-rate", "5"];
    let mut server = Server::start(&[&limits[..], &["--admin", "127.0.0.1:0"]].concat());
    let admin = server.admin();
    let ask = |stream: &mut BufReader<TcpStream>| {
        stream.get_mut().write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let (status, _) = read_head(stream);
        let mut body = [0; 3];
        stream.read_exact(&mut body).unwrap();
        assert_eq!((status, &body), (200, b"ok\n"));
    };
    let mut asked_before = server.send(b"");
    ask(&mut asked_before);
    let readers: Vec<_> = (0..20).map(|_| server.subscribe("/events/a", "")).collect();
    let mut told_to_wait = 0;
    for _ in 0..60 {
        told_to_wait += usize::from(server.request("GET", "/events/a", "", b"").status == 429);
        assert_eq!(server.request("GET", "/healthz", "", b"").status, 200);
    }
    assert_eq!(told_to_wait, 60);
    // Every connection that is left, as soon as those before have ended.
    let come = || {
        let mut stream = server.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let is_served = stream.fill_buf().is_ok_and(|bytes| !bytes.is_empty());
        is_served.then_some(stream)
    };
    let mut crowd = Vec::new();
    while readers.len() + crowd.len() + 1 < 40 {
        crowd.extend(come());
    }
    assert!(come().is_none(), "more than there may be");
    ask(&mut asked_before);
    let mut of_admin = BufReader::new(TcpStream::connect(admin).unwrap());
    ask(&mut of_admin);
}

#[test]
fn an_address_that_takes_all_connections_it_can_leaves_room_for_others() {
    let limits = ["--max-connections", "8", "--connections-per-address", "6"];
    let server = Server::start(&limits);
    let from = |address: [u8; 4]| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.bind(&std::net::SocketAddr::from((address, 0)).into()).unwrap();
        socket.connect(&server.address.into()).unwrap();
        let mut stream = BufReader::new(TcpStream::from(socket));
        stream.get_mut().write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let is_served = stream.fill_buf().is_ok_and(|bytes| !bytes.is_empty());
        is_served.then_some(stream)
    };
    let mut greedy: Vec<_> = (0..6).map(|_| from([127, 0, 0, 1]).unwrap()).collect();
    assert!(from([127, 0, 0, 1]).is_none(), "one more");
    let _other = from([127, 0, 0, 2]).expect("another address");
    drop(greedy.pop());
    // As soon as the server has seen that it is gone.
    while from([127, 0, 0, 1]).is_none() {}
}

#[test]
fn heads_that_come_a_byte_at_a_time_end_as_well() {
    let server = Server::start(&["--head-timeout", "1s"]);
    let mut slow = TcpStream::connect(server.address).unwrap();
    let mut written = 0;
    // For as long as it is let.
    while slow.write_all(b"x").is_ok() {
        written += 1;
        std::thread::sleep(core::time::Duration::from_millis(10));
        assert!(written < 6000, "a minute, and it is still let");
    }
    assert_eq!(server.request("GET", "/healthz", "", b"").status, 200);
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    let head = [&len[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;

#[test]
fn a_head_of_http_2_that_goes_on_for_ever_is_hung_up_on() {
    let server = Server::start(&[]);
    let memory = server.memory();
    let mut abuser = TcpStream::connect(server.address).unwrap();
    let begin = [PREFACE, &frame(SETTINGS, 0, 0, b""), &frame(HEADERS, 1, 1, &[0x82])].concat();
    abuser.write_all(&begin).unwrap();
    // A header field without a name of the table, 16 bytes in 14: never the last.
    let field = [&[0x00, 5][..], b"a-key", &[7], b"a-value"].concat();
    let endless = frame(CONTINUATION, 0, 1, &field.repeat(1000));
    let mut sent = 0;
    while abuser.write_all(&endless).is_ok() {
        sent += endless.len();
        assert!(sent < 256 << 20, "256 MiB of head, and it is still let");
    }
    assert_eq!(server.request("GET", "/healthz", "", b"").status, 200);
    let grown = server.memory().saturating_sub(memory);
    println!("hung up on after {} KiB; {grown} KiB more in use", sent >> 10);
    assert!(grown < 4096, "{grown} KiB");
}

#[test]
fn streams_of_http_2_that_are_reset_as_they_come_take_nothing_along() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0", "--connect-rate", "1000000"]);
    let admin = server.admin();
    let mut abuser = TcpStream::connect(server.address).unwrap();
    abuser.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, b"")].concat()).unwrap();
    // GET, http, a path and an authority, literally.
    let path = [&[0x04, 9][..], b"/events/a"].concat();
    let head = [&[0x82, 0x86][..], &path, &[0x01, 9], b"localhost"].concat();
    let mut resets = 0;
    for n in 0..amount("SSE_RESETS", 5000) as u32 {
        let stream = 2 * n + 1;
        let open = frame(HEADERS, 5, stream, &head);
        let reset = frame(RST_STREAM, 0, stream, &8u32.to_be_bytes());
        if abuser.write_all(&[open, reset].concat()).is_err() {
            break;
        }
        resets += 1;
    }
    println!("{resets} streams reset before it was hung up on");
    assert_eq!(server.request("GET", "/healthz", "", b"").status, 200);
    drop(abuser);
    while server.stats(admin)["counters"]["subscribers"] != 0 {}
}
