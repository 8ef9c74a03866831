//! The JSON that the window's page is written against.

use serde_json::json;
use sse_monitor_engine::{Failure, Fault, Row, RowKind, Snapshot, State, Totals};

#[test]
fn a_row_is_flat_with_its_kind_beside_its_fields() {
    let row = Row {
        number: 4,
        kind: RowKind::Disconnected { fault: Fault::TimedOut, retry_in_ms: Some(2000) },
        unix_micros: 5,
        elapsed_micros: 6,
        attempt: 1,
        event_type: String::new(),
        id: "7".into(),
        data: "lost".into(),
        data_bytes: 4,
    };
    let json = json!({
        "number": 4, "kind": "disconnected", "fault": "timed_out", "retryInMs": 2000,
        "unixMicros": 5, "elapsedMicros": 6, "attempt": 1,
        "eventType": "", "id": "7", "data": "lost", "dataBytes": 4,
    });
    assert_eq!(serde_json::to_value(&row).unwrap(), json);
    assert_eq!(serde_json::from_value::<Row>(json).unwrap(), row);
}

#[test]
fn each_kind_has_its_name() {
    for (kind, json) in [
        (RowKind::Event, json!({"kind": "event"})),
        (RowKind::Comment, json!({"kind": "comment"})),
        (
            RowKind::ReconnectionTime { wait_ms: 9 },
            json!({"kind": "reconnection_time", "waitMs": 9}),
        ),
        (RowKind::DecodeError, json!({"kind": "decode_error"})),
        (RowKind::Connecting, json!({"kind": "connecting"})),
        (RowKind::Redirected { status: 307 }, json!({"kind": "redirected", "status": 307})),
        (RowKind::Connected { status: 200 }, json!({"kind": "connected", "status": 200})),
        (
            RowKind::Disconnected { fault: Fault::Http, retry_in_ms: None },
            json!({"kind": "disconnected", "fault": "http", "retryInMs": null}),
        ),
        (RowKind::Closed, json!({"kind": "closed"})),
    ] {
        assert_eq!(serde_json::to_value(kind).unwrap(), json);
    }
}

#[test]
fn a_snapshot_names_its_state() {
    let failure = Failure { fault: Fault::Connect, sentence: "no".into() };
    let snapshot = Snapshot {
        revision: 3,
        url: "http://a/".into(),
        state: State::Waiting { retry_at_unix_micros: 8, failure },
        last_event_id: "7".into(),
        first_row: 1,
        next_row: 5,
        totals: Totals::default(),
    };
    assert_eq!(
        serde_json::to_value(&snapshot).unwrap(),
        json!({
            "revision": 3, "url": "http://a/", "lastEventId": "7", "firstRow": 1, "nextRow": 5,
            "state": {
                "name": "waiting", "retryAtUnixMicros": 8,
                "failure": {"fault": "connect", "sentence": "no"},
            },
            "totals": {
                "events": 0, "comments": 0, "reconnectionTimes": 0, "decodeErrors": 0,
                "attempts": 0, "connections": 0, "dataBytes": 0, "keptBytes": 0,
                "rowsForgotten": 0,
            },
        })
    );
    assert_eq!(serde_json::to_value(State::Idle).unwrap(), json!({"name": "idle"}));
}
