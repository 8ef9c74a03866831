//! A notification service in axum: the application's own middleware says who the user is, and each
//! user's browser gets what is for them.
//!
//! `cargo run -p sse-server --example axum_notifications`, then
//! `curl -N -H 'X-Session: ann-s' localhost:PORT/events` and
//! `curl -X POST localhost:PORT/orders/7/paid`.

#![forbid(unsafe_code)]

use axum::{
    Router,
    extract::{Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get_service, post},
};
use sse_server::{Config, EventService, EventType, Grant, Hub, Publish, Topic};

/// What comes past `identify` is refused: a route that is added without it is closed.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.routes.grants_only = true;
    config
}

/// The application: streams for whoever has a session, and a place where its events come from.
pub(crate) fn app(hub: Hub) -> Router {
    let stream = get_service(EventService::new(hub.clone()));
    Router::new()
        .route("/events", stream)
        .layer(middleware::from_fn(identify))
        .route("/orders/{number}/paid", post(paid))
        .with_state(hub)
}

/// Stands for your own: a cookie, a token, a look into the database.
async fn identify(mut request: Request, next: Next) -> Response {
    let session = request.headers().get("x-session").and_then(|value| value.to_str().ok());
    let user = match session {
        Some("ann-s") => "ann",
        Some("bob-s") => "bob",
        _ => return (StatusCode::UNAUTHORIZED, "log in first").into_response(),
    };
    // What is for them, and nothing else; `read` and `publish` would grant more.
    request.extensions_mut().insert(Grant::new().user(user));
    next.run(request).await
}

async fn paid(State(hub): State<Hub>, Path(number): Path<u64>) -> Result<String, StatusCode> {
    // Odd orders are Ann's.
    let owner = if number % 2 == 1 { "ann" } else { "bob" };
    let topic = Topic::user(owner).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let event = Publish::new([topic], format!("order {number} is paid"));
    let event = match EventType::new("paid") {
        Ok(name) => event.event_type(name),
        Err(_) => event,
    };
    let id = hub.publish(event).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(id.as_str().to_owned())
}

#[tokio::main]
#[allow(dead_code, reason = "the tests run the application themselves")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let hub = Hub::start(config())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stopping = hub.clone();
    axum::serve(listener, app(hub))
        .with_graceful_shutdown(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                // Otherwise streams that never end would hold the shutdown up. Not awaited here:
                // once this is done the listener closes, so that nobody comes back to it.
                tokio::spawn(async move {
                    stopping.drain(core::time::Duration::from_secs(5)).await;
                });
            }
        })
        .await?;
    Ok(())
}
