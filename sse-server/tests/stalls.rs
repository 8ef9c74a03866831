//! Peers that ask and do not read: whatever it is that they are sent, they hold nothing for long.
#![cfg(unix)]
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::unwrap_used)]

mod common;

use std::{io::Write, net::TcpStream};

use common::Server;

/// Waits for a connection to be reset, without reading, which would be a sign of life.
fn wait_for_reset(stream: &TcpStream) {
    while stream.take_error().unwrap().is_none() {
        std::thread::yield_now();
    }
}

/// More than the kernel holds for a connection.
fn publish_much(server: &Server) {
    for _ in 0..10 {
        let answer = server.request("POST", "/events/big", "", "x".repeat(250_000).as_bytes());
        assert_eq!(answer.status, 200);
    }
}

#[test]
fn answers_that_nobody_reads_are_given_up_though_they_are_no_streams() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0", "--max-stall", "100ms"]);
    let admin = server.admin();
    publish_much(&server);
    let page = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let poll = "GET /events/big?lastEventId=earliest HTTP/1.1\r\nHost: localhost\r\n\
                Accept: application/json\r\n\r\n";
    let asked = [page.repeat(500), poll.repeat(10)];
    let stalled = asked.map(|requests| server.send(requests.as_bytes()));
    for stream in &stalled {
        wait_for_reset(stream.get_ref());
    }
    assert_eq!(server.stats(admin)["counters"]["cut_at_wire_total"], 2);
}

#[test]
fn one_that_is_revoked_while_it_does_not_read_is_cut() {
    let args = ["--admin", "127.0.0.1:0", "--user-header", "x-user", "--max-stall", "1h"];
    let mut server = Server::start(&[&args[..], &["--max-lag", "50000000"]].concat());
    let admin = server.admin();
    let mut stalled = server.open("/events/big", "X-User: ann\r\n");
    let mut reads = server.subscribe("/events/small", "X-User: ann\r\n");
    publish_much(&server);
    let mut revoke = TcpStream::connect(admin).unwrap();
    revoke.write_all(b"POST /revoke?user=ann HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    // One that reads is ended in peace.
    reads.rest();
    stalled.wait_for_reset();
}
