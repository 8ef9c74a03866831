//! Beginning and end: ports, signals, drains, cuts.
#![cfg(unix)]
#![forbid(unsafe_code)]

mod common;

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::ExitStatusExt,
};

use common::{Server, command, read_head};

#[test]
fn a_port_in_use_is_said_with_the_flag_that_named_it_and_the_exit_status_is_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (args, flag) in [
        (&["--listen", &address][..], "--listen"),
        (&["--listen", "127.0.0.1:0", "--admin", &address], "--admin"),
    ] {
        let output = command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, b"");
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.starts_with(&format!("sse-server: {address} is in use")), "{words}");
        assert!(words.contains(&format!("another port with {flag} ")), "{words}");
    }
}

#[test]
fn help_says_what_it_is_and_what_to_try_first() {
    for flag in ["-h", "--help"] {
        let output = command(&[flag]).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.starts_with("A hub of Server-Sent Events: many subscribe"), "{help}");
        assert!(help.contains("curl -N 'http://127.0.0.1:8080/events?topic=prices'"), "{help}");
        assert!(help.contains("--max-connections"), "{help}");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn settings_that_cannot_be_are_said() {
    let cases = [
        (&["--listen", "nowhere"][..], 2, "cannot listen on nowhere"),
        (
            &["--listen", "127.0.0.1:0", "--keep-bytes", "1000"],
            2,
            "retention of 1000 bytes does not exceed",
        ),
        (&["--listen", "127.0.0.1:99999"], 2, "cannot listen on 127.0.0.1:99999"),
        (&["--listen", "127.0.0.1:0", "--heartbeat", "1ms"], 2, "heartbeat of 1ms is too short"),
        (&["--heartbeat", "0s"], 2, "a time above zero"),
        (&["--max-connections", "0"], 2, "0 would let nothing through"),
        (&["--publish-rate", "0"], 2, "0 would let nothing through"),
        (&["--heartbeat", "15"], 2, "a whole number and a unit"),
        (&["--lissen", "x"], 2, "--listen"),
        (&["--listen", "127.0.0.1:0", "--retry", "0s"], 2, "retry of 0ns is too short; the least"),
        (&["--listen", "127.0.0.1:0", "--max-lag", "9"], 2, "max_lag of 9 is below max_event of"),
        (
            &["--listen", "127.0.0.1:0", "--max-lag", "9"],
            2,
            "the one or lower the other (--max-lag, --max-event)",
        ),
        (
            &["--listen", "127.0.0.1:0", "--max-event", "18446744073709551615"],
            2,
            "lower max_event (--keep-bytes, --max-event)",
        ),
        (
            &["--listen", "127.0.0.1:0", "--keep-for", "1s"],
            2,
            "the one or lower the other (--keep-for, --max-stall)",
        ),
        (&["--max-event", "8MB"], 2, "262144, 256KiB, 8MiB, 1GiB"),
        (&["--head-timeout", "0s"], 2, "a time above zero"),
        (&["--head-timeout", "1ms"], 2, "sse-server: head_timeout of 1ms is too short"),
        (&["--head-timeout", "1ms"], 2, "the least is 10ms (--head-timeout)"),
        (&["--allow-origin", "foo"], 2, "write https://foo, say"),
        (&["--allow-origin", "https://shop.test/cart"], 2, "write https://shop.test"),
        (&["--allow-origin", "*"], 2, "name each origin"),
        (&["--allow-host", "hub.test:8080"], 2, "write hub.test"),
    ];
    for (args, status, words) in cases {
        let output = command(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{args:?}: {stderr}");
        assert!(stderr.contains(words), "{args:?}: {stderr}");
    }
}

#[test]
fn a_larger_event_is_let_through_by_the_flags_that_its_help_names() {
    let large = "8MiB";
    let server = Server::start(&["--max-event", large, "--max-lag", large]);
    let data = "x".repeat((8 << 20) - 100);
    let mut stream = server.subscribe("/events/a", "");
    let line = format!(r#"{{"topic": "a", "data": "{data}"}}"#);
    server.publish(&line);
    let header = "Content-Type: application/x-ndjson\r\n";
    let answer = server.request("POST", "/publish", header, format!("{line}\n").as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = server.request("POST", "/events/a", "", data.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    for _ in 0..3 {
        // Not by `assert_eq`, which would show it.
        assert!(stream.data() == data);
    }
    let kept = server.json("GET", "/events/a?lastEventId=earliest", "");
    assert_eq!(kept["events"].as_array().map(Vec::is_empty), Some(false));
    // Sixty-four times what all that is under way may have.
    let huge = ["--max-event", "1GiB", "--max-lag", "1GiB", "--keep-bytes", "8GiB"];
    let server = Server::start(&huge);
    server.publish(r#"{"topic": "a", "data": 1}"#);
}

#[test]
fn a_signal_drains_and_the_exit_status_is_0() {
    for signal in ["TERM", "INT"] {
        let server = Server::start(&[]);
        let mut streams = [server.subscribe("/events/a", ""), server.subscribe("/events/b", "")];
        let idle = TcpStream::connect(server.address).unwrap();
        server.publish(r#"{"topic": "a", "data": "acknowledged"}"#);
        server.signal(signal);
        let wires = streams.each_mut().map(|stream| stream.rest());
        assert!(wires[0].contains("data: acknowledged\n\n"), "{}", wires[0]);
        for wire in wires {
            let last = wire.trim_end().rsplit("\n\n").next().unwrap_or_default().to_owned();
            assert!(wire.matches("retry: ").count() == 2, "told when to come back: {last}");
        }
        assert_eq!(server.wait().code(), Some(0), "{signal}");
        drop(idle);
    }
}

#[test]
fn a_drain_ends_by_its_deadline_though_one_does_not_read() {
    let server = Server::start(&["--drain", "200ms", "--max-lag", "50000000"]);
    let _stalled = stalled(&server);
    for _ in 0..20 {
        publish_much(&server);
    }
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let args = ["--drain", "1h", "--max-lag", "50000000", "--max-stall", "1h"];
        let server = Server::start(&args);
        let _stalled = stalled(&server);
        for _ in 0..20 {
            publish_much(&server);
        }
        server.signal("TERM");
        // Once it listens no more, it has taken the first.
        while TcpStream::connect(server.address).is_ok() {}
        server.signal(signal);
        let status = server.wait();
        assert_eq!((status.code(), status.signal()), (Some(code), None));
    }
}

#[test]
fn one_that_does_not_read_is_cut_by_a_reset_and_the_others_miss_nothing() {
    // One that reads each event before the next is published lags by two at most: the one that it
    // has, which the server may not know yet, and the next.
    let server = Server::start(&["--max-lag", "300000"]);
    let stalled = stalled(&server);
    let mut reads = server.subscribe("/events/a", "");
    // For longer than a burst may take, until it is cut.
    let cut = (0..10_000).find_map(|n| {
        publish_much(&server);
        assert_eq!(reads.data().len(), 100_000, "{n}");
        stalled.take_error().unwrap()
    });
    assert_eq!(cut.map(|error| error.kind()), Some(ErrorKind::ConnectionReset));
}

#[test]
fn one_that_reads_nothing_for_too_long_is_cut_by_a_reset() {
    let args = ["--admin", "127.0.0.1:0", "--max-lag", "50000000", "--max-stall", "100ms"];
    let mut server = Server::start(&args);
    let admin = server.admin();
    let mut stalled = stalled(&server);
    for _ in 0..20 {
        publish_much(&server);
    }
    // Only once it is cut, as there is no other sign, may it be read.
    while stalled.take_error().unwrap().is_none() {
        std::thread::yield_now();
    }
    let mut rest = Vec::new();
    let read = stalled.read_to_end(&mut rest);
    assert!(read.is_ok() || read.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    // By the hub, which knows that it is a stream.
    let counters = &server.stats(admin)["counters"];
    assert_eq!(counters["cut_for_stall_total"], 1, "{counters}");
    assert_eq!(counters["cut_at_wire_total"], 0, "{counters}");
}

#[test]
fn one_that_sends_no_request_is_not_waited_for_while_it_drains() {
    let server = Server::start(&["--drain", "1h"]);
    let mut half = TcpStream::connect(server.address).unwrap();
    half.write_all(b"GET /events HTT").unwrap();
    server.request("GET", "/healthz", "", b"");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn no_descriptor_left_is_said_and_gets_better_once_others_have_gone() {
    let mut server = Server::start_limited(64);
    let mut stderr = BufReader::new(server.child.stderr.take().unwrap());
    let crowd: Vec<_> = (0..80).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let mut sentence = String::new();
    stderr.read_line(&mut sentence).unwrap();
    assert!(sentence.starts_with("sse-server: no connection can be accepted ("), "{sentence}");
    assert!(sentence.contains("ulimit -n"), "{sentence}");
    drop(crowd);
    assert_eq!(server.request("GET", "/healthz", "", b"").body, "ok\n");
}

#[test]
fn a_connection_too_many_is_closed_and_that_is_said() {
    let mut server = Server::start(&["--max-connections", "2"]);
    let mut stderr = BufReader::new(server.child.stderr.take().unwrap());
    let _streams = [server.subscribe("/events", ""), server.subscribe("/events", "")];
    let mut third = TcpStream::connect(server.address).unwrap();
    assert!(matches!(third.read(&mut [0]), Ok(0) | Err(_)));
    let mut sentence = String::new();
    stderr.read_line(&mut sentence).unwrap();
    assert!(sentence.starts_with("sse-server: 2 connections are open, the most"), "{sentence}");
}

/// Opens a stream of topic a that is not read.
fn stalled(server: &Server) -> TcpStream {
    let mut reader = server.send(b"GET /events/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(read_head(&mut reader).0, 200);
    reader.into_inner()
}

fn publish_much(server: &Server) {
    server.publish(&format!(r#"{{"topic": "a", "data": "{}"}}"#, "x".repeat(100_000)));
}

#[test]
fn whoever_runs_it_gets_in_when_there_is_room_for_no_more_readers() {
    let args = ["--max-connections", "1", "--admin", "127.0.0.1:0"];
    let mut server = Server::start(&args);
    let admin = server.admin();
    let _only = server.subscribe("/events", "");
    assert_eq!(server.stats(admin)["counters"]["subscribers"], 1);
}

#[test]
fn an_admin_listener_that_others_may_reach_is_warned_of() {
    let mut server = Server::start(&["--admin", "0.0.0.0:0"]);
    let mut words = String::new();
    BufReader::new(server.child.stderr.take().unwrap()).read_line(&mut words).unwrap();
    assert!(words.starts_with("sse-server: the admin listener is at 0.0.0.0:"), "{words}");
    assert!(words.contains("127.0.0.1"), "{words}");
}
