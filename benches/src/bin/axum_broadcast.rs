//! What one writes with axum and `tokio::sync::broadcast`: the server to compare with.
//!
//! It does less than the hub: no resume, no history, no cut of who does not read; who falls behind
//! its ring loses events in silence.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::{
    collections::HashMap,
    convert::Infallible,
    io::Write,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    response::sse::{Event, KeepAlive, Sse},
    routing::{get, post},
};
use futures_util::{Stream, stream};
use tokio::sync::broadcast::{self, Sender, error::RecvError};

#[derive(Clone, Default)]
struct App {
    topics: Arc<RwLock<HashMap<String, Sender<Event>>>>,
    last: Arc<AtomicU64>,
}

impl App {
    fn topic(&self, name: &str) -> Sender<Event> {
        let known = self.topics.read().ok().and_then(|topics| topics.get(name).cloned());
        known.unwrap_or_else(|| match self.topics.write() {
            Ok(mut topics) => {
                topics.entry(name.to_owned()).or_insert_with(|| broadcast::channel(4096).0).clone()
            }
            Err(_) => broadcast::channel(1).0,
        })
    }
}

async fn events(
    State(app): State<App>,
    Path(topic): Path<String>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let receiver = app.topic(&topic).subscribe();
    let events = stream::unfold(receiver, |mut receiver| async {
        loop {
            match receiver.recv().await {
                Ok(event) => return Some((Ok(event), receiver)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

async fn publish(State(app): State<App>, Json(body): Json<serde_json::Value>) -> String {
    let id = app.last.fetch_add(1, Ordering::Relaxed).to_string();
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let event = Event::default().id(&id).data(text("data"));
    // Nobody there is no error.
    let _ = app.topic(text("topic")).send(event);
    format!("{{\"id\":\"{id}\"}}")
}

fn main() -> std::io::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let routes = Router::new()
            .route("/events/{topic}", get(events))
            .route("/publish", post(publish))
            .with_state(App::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        axum::serve(listener, routes).await
    })
}
