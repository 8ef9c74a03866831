//! A driver over a transport in memory: every way to cut a body gives the same events.

use alloc::collections::VecDeque;
use core::time::Duration;

use bytes::Bytes;
use sse_client::{
    Event,
    session::{Output, ResponseHead, RetryPolicy, Session, SessionConfig},
};
use sse_codec::time::Instant;

/// A server that is a list of bodies, each a list of chunks; its clock moves only by waiting.
struct Memory {
    bodies: VecDeque<Vec<Bytes>>,
    asked_from: Vec<String>,
}

impl Memory {
    /// Drives a session until the bodies are used up.
    fn run(&mut self, config: SessionConfig) -> Vec<Event> {
        let mut now = Instant::ORIGIN;
        let mut session = Session::new(config, 7, now);
        let mut events = Vec::new();
        let mut body = None;
        loop {
            while let Some(output) = session.poll_output() {
                match output {
                    Output::Connect { attempt, last_event_id, .. } => {
                        let Some(chunks) = self.bodies.pop_front() else { return events };
                        self.asked_from.push(last_event_id.to_owned());
                        body = Some((attempt, None, chunks.into_iter()));
                    }
                    Output::Event { event, .. } => events.push(Event::from(event)),
                    Output::Abort { .. } => body = None,
                    Output::Opened { .. }
                    | Output::Comment { .. }
                    | Output::ReconnectionTime { .. }
                    | Output::Dropped(_)
                    | Output::Disconnected { .. }
                    | Output::Closed
                    | _ => {}
                }
            }
            match &mut body {
                Some((attempt, head @ None, _)) => {
                    *head = Some(());
                    let head = ResponseHead::new(200).content_type(Some(b"text/event-stream"));
                    session.handle_response(*attempt, head, now);
                }
                Some((attempt, Some(()), chunks)) => {
                    let attempt = *attempt;
                    match chunks.next() {
                        Some(chunk) => session.handle_body(attempt, chunk, now),
                        None => {
                            body = None;
                            session.handle_end(attempt, now);
                        }
                    }
                }
                None => {
                    let Some(deadline) = session.poll_timeout() else { return events };
                    now = deadline.at;
                    session.handle_timeout(now);
                }
            }
        }
    }
}

#[test]
fn every_way_to_cut_the_bodies_gives_the_same_events_and_the_same_ids() {
    let bodies = [
        "\u{FEFF}retry: 5\r\nid: 1\r\ndata: grün\r\n\r\n: beat\r\n\r\ndata: 2\r\n\r\nid: 9\r\ndata: lost",
        "id: 3\n\nevent: x\ndata: 3\ndata\n\n",
        "id: 3\ndata: 4\n\nid\ndata: 5\n\n",
        "data: 6\n\n",
    ];
    let run = |cut: &dyn Fn(&str) -> Vec<Bytes>| {
        let bodies = bodies.iter().map(|body| cut(body)).collect();
        let mut memory = Memory { bodies, asked_from: Vec::new() };
        let policy = RetryPolicy::whatwg().reconnection_time(Duration::from_secs(1));
        let events = memory.run(SessionConfig::new().policy(policy));
        (events, memory.asked_from)
    };
    let chunk = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
    let (events, asked_from) = run(&|body| vec![chunk(body.as_bytes())]);
    let data: Vec<_> = events.iter().map(|event| (event.data(), event.last_event_id())).collect();
    let expected = [("grün", "1"), ("2", "1"), ("3\n", "3"), ("4", "3"), ("5", ""), ("6", "")];
    assert_eq!(data, expected);
    assert_eq!(asked_from, ["", "1", "3", ""]);
    for size in 1..=40 {
        let cut = |body: &str| body.as_bytes().chunks(size).map(chunk).collect();
        assert_eq!(run(&cut), (events.clone(), asked_from.clone()), "chunks of {size}");
    }
}
