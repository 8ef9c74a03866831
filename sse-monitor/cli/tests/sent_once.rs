//! A request that may cost something is sent once, and one answer is waited for where that is asked for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;
mod process;

use origin::{Exchange, Origin};
use process::{Sse, lines, sse, start, words};
use tokio::runtime;

/// What an answer is that says where it ends.
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A whole event in a chunk.
const EVENT: &str = "9\r\ndata: a\n\n\r\n";

/// Waits for a request, and reads its body.
fn asked(origin: &Origin) -> Exchange {
    let mut exchange = origin.accept();
    let length = exchange.header("content-length").map_or(0, |length| length.parse().unwrap());
    exchange.receive(length);
    exchange
}

/// Whether nobody has asked again, now that the command is over.
fn is_quiet(origin: &Origin) -> bool {
    origin.listener().set_nonblocking(true).unwrap();
    origin.listener().accept().is_err()
}

#[test]
fn what_has_a_body_or_is_no_get_is_not_sent_again_once_its_answer_came() {
    for form in ["-- curl URL -d a=1", "--json {} URL", "-X PUT URL"] {
        let origin = Origin::start();
        let arguments = form.replace("URL", &origin.url());
        let sse = start(&arguments.split(' ').collect::<Vec<_>>());
        asked(&origin).send(&format!("{CHUNKED}{EVENT}0\r\n\r\n"));
        let output = sse.wait();
        assert_eq!(lines(&output).len(), 1, "{arguments}");
        assert!(
            words(&output).ends_with("sse: the server ended the stream\n"),
            "{}",
            words(&output)
        );
        assert_eq!(output.status.code(), Some(0), "{arguments}: {}", words(&output));
        assert!(is_quiet(&origin), "{arguments}");
    }
}

#[test]
fn an_answer_that_is_cut_is_told_with_what_sends_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.ssrec");
    let origin = Origin::start();
    let (url, file) = (origin.url(), file.to_str().unwrap());
    for arguments in
        [&["tail", "--json", "{}", &url][..], &["record", "--json", "{}", &url, "-o", file]]
    {
        let sse = Sse::spawn(&mut sse(arguments));
        let mut exchange = asked(&origin);
        exchange.send(&format!("{CHUNKED}{EVENT}"));
        exchange.end();
        let output = sse.wait();
        let said = words(&output);
        assert!(
            said.contains("the answer is cut off, and a request like this is sent once"),
            "{said}"
        );
        assert!(said.contains("add --keep-trying"), "{said}");
        assert_eq!(output.status.code(), Some(3), "{said}");
    }
    assert!(is_quiet(&origin));
}

#[test]
fn it_is_sent_again_where_that_is_asked_for_and_a_get_is_as_ever() {
    let origin = Origin::start();
    let url = origin.url();
    for arguments in [&["--keep-trying", "--json", "{}", &url][..], &[&url]] {
        let sse = start(&[&["--count", "2"], arguments].concat());
        for _ in 0..2 {
            asked(&origin).send(&format!("{CHUNKED}{EVENT}0\r\n\r\n"));
        }
        let output = sse.wait();
        assert_eq!(lines(&output).len(), 2, "{}", words(&output));
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn one_answer_is_waited_for() {
    let (listener, address) = origin::nowhere();
    let url = format!("http://{address}/events");
    let mut sse = start(&["--once", "--keep-trying", &url]);
    sse.until_word("connection refused");
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let listener = listener.listen(1).unwrap().into_std().unwrap();
    listener.set_nonblocking(false).unwrap();
    asked(&Origin::on(listener)).send(&format!("{CHUNKED}{EVENT}0\r\n\r\n"));
    let output = sse.wait();
    assert_eq!(lines(&output).len(), 1, "{}", words(&output));
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
}
