//! The task that reads the stream and writes the log.

use alloc::sync::Arc;

use crate::{
    log::{Entry, Log},
    request::WatchRequest,
    row::RowKind,
    state::State,
};

/// Reads until the stream is over for good.
pub(crate) async fn read(request: WatchRequest, log: Arc<Log>) {
    let id = request.last_event_id.as_str();
    let entry = Entry { kind: RowKind::Connecting, event_type: "", id, data: "connecting" };
    log.turn(entry, |_| State::Connecting { attempt: 1 });
    log.room().await;
}
