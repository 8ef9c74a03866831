//! What only whoever runs the server may see and do, on a listener of its own.

use alloc::collections::BTreeMap;
use core::{fmt::Write, sync::atomic::Ordering};

use http::{Method, Request, Response, StatusCode};
use sse_server_core::{AdmissionCounters, Counters, Topic};

use crate::{
    body::Body,
    guard,
    hub::Hub,
    query,
    respond::{self, Refusal},
    routes,
    wire::WireCounters,
};

/// What there is, in the order in which it is said.
static ROUTES: [(Method, &str); 6] = [
    (Method::GET, "/metrics"),
    (Method::GET, "/stats"),
    (Method::GET, "/presence?topic=…"),
    (Method::GET, "/healthz"),
    (Method::DELETE, "/subscribers/{clientId}"),
    (Method::POST, "/revoke?user=…"),
];

/// Answers a request at the admin listener. Bodies are not read: nothing here needs one.
pub(crate) fn answer<B>(hub: &Hub, request: &Request<B>) -> Response<Body> {
    route(hub, request).unwrap_or_else(Refusal::into_response)
}

fn route<B>(hub: &Hub, request: &Request<B>) -> Result<Response<Body>, Refusal> {
    guard::own_page(request, &[])?;
    let (method, path) = (request.method(), request.uri().path());
    let client = path.strip_prefix("/subscribers/");
    let route = ROUTES.iter().find(|(_, route)| match route.split(['?', '{']).next() {
        Some(start) if start.ends_with('/') => path.starts_with(start),
        start => start == Some(path),
    });
    let Some((allowed, _)) = route else {
        return Err(routes::nothing_at(path, ROUTES.iter().map(|(method, path)| (method, *path))));
    };
    if method != allowed && !(*allowed == Method::GET && *method == Method::HEAD) {
        let allow = match *allowed {
            Method::GET => "GET, HEAD",
            Method::POST => "POST",
            _ => "DELETE",
        };
        return Err(Refusal::method(method, path, allow));
    }
    match path {
        "/metrics" => Ok(respond::metrics(&metrics(hub))),
        "/stats" => {
            let stats: BTreeMap<_, _> =
                figures(hub).map(|(name, _, _, value)| (name, value)).collect();
            let answer = serde_json::json!({
                "head": hub.head().to_string(), "draining": hub.is_draining(), "counters": stats,
            });
            Ok(respond::json(StatusCode::OK, &answer.to_string()))
        }
        "/presence" => {
            let name = parameter(request, "topic")?;
            let topic = Topic::new(&name).map_err(Refusal::bad_request)?;
            let after = optional(request, "after")?;
            let presence = hub.presence_after(&topic, after.as_deref());
            let users: Vec<&str> = presence.users.iter().map(|user| &**user).collect();
            let answer = serde_json::json!({
                "topic": topic.as_str(), "count": presence.count, "users": users,
                "partial": presence.is_partial,
            });
            Ok(respond::json(StatusCode::OK, &answer.to_string()))
        }
        "/revoke" => {
            let ended = hub.revoke_user(&parameter(request, "user")?);
            Ok(respond::json(StatusCode::OK, &serde_json::json!({ "ended": ended }).to_string()))
        }
        "/healthz" => respond::health(hub),
        _ => {
            let id = client.unwrap_or_default();
            if hub.close_client(id) {
                return Ok(respond::json(StatusCode::OK, "{\"ended\":1}"));
            }
            Err(Refusal::new(
                StatusCode::NOT_FOUND,
                format_args!("no stream has the clientId {id:?}; its `connected` event says it"),
            ))
        }
    }
}

fn parameter<B>(request: &Request<B>, name: &str) -> Result<String, Refusal> {
    let value = optional(request, name)?;
    value.ok_or_else(|| Refusal::bad_request(format_args!("add ?{name}=… to the path")))
}

fn optional<B>(request: &Request<B>, name: &str) -> Result<Option<String>, Refusal> {
    let pairs = query::pairs(request.uri().query().unwrap_or_default())?;
    Ok(pairs.into_iter().find_map(|(key, value)| (key == name).then_some(value)))
}

/// Name, kind, meaning and value of all that is counted.
fn figures(hub: &Hub) -> impl Iterator<Item = Figure> {
    let (counters, admission) = (hub.counters(), hub.shared().admission_counters());
    let wire = of_wire(&hub.shared().wire);
    of_hub(&counters).into_iter().chain(of_admission(&admission)).chain(wire)
}

type Figure = (&'static str, &'static str, &'static str, u64);

fn of_hub(c: &Counters) -> [Figure; 18] {
    [
        ("subscribers", "gauge", "Streams that are open.", c.subscribers),
        ("subscribed_total", "counter", "Streams that were ever opened.", c.subscribed),
        ("appended_total", "counter", "Events that came from the store.", c.appended),
        ("delivered_total", "counter", "Events written, for each stream.", c.delivered),
        ("written_bytes_total", "counter", "Bytes written to streams.", c.written_bytes),
        ("resets_total", "counter", "Resumes that could not be complete.", c.resets),
        ("heartbeats_total", "counter", "Heartbeats written.", c.heartbeats),
        ("cut_for_lag_total", "counter", "Streams cut for their lag in bytes.", c.cut_for_lag),
        ("cut_for_stall_total", "counter", "Streams cut for not reading.", c.cut_for_stall),
        ("skipped_total", "counter", "Times that a slow stream was made to skip.", c.skipped),
        ("revoked_total", "counter", "Streams ended by somebody.", c.revoked),
        ("expired_total", "counter", "Streams whose grant ended.", c.expired),
        ("replaced_total", "counter", "Streams in whose place a resume came.", c.replaced),
        ("drained_total", "counter", "Streams ended by a drain.", c.drained),
        ("store_failed_total", "counter", "Streams ended since history failed.", c.store_failed),
        ("refused_total", "counter", "Streams that the hub refused.", c.refused),
        ("repeats_total", "counter", "Publishes that were a repeat, by their key.", c.repeats),
        ("history_fetches_total", "counter", "Pages of history read from the store.", c.fetches),
    ]
}

/// Of what is asked by requests, and how much of it is turned away at the door.
fn of_admission(c: &AdmissionCounters) -> [Figure; 10] {
    let refused = c.refused_for_user;
    [
        ("admitted_total", "counter", "Streams let in at the door.", c.admitted),
        ("refused_for_user_total", "counter", "Streams over a limit of their user's.", refused),
        (
            "refused_for_address_total",
            "counter",
            "Streams over a limit of their address's.",
            c.refused_for_address,
        ),
        ("refused_full_total", "counter", "Streams over a limit on all.", c.refused_full),
        ("refused_for_good_total", "counter", "Streams that can never open.", c.refused_for_good),
        ("refused_too_fast_total", "counter", "Streams opened too fast.", c.refused_too_fast),
        ("refused_publishes_total", "counter", "Events published too fast.", c.refused_publishes),
        ("tickets_total", "counter", "Tickets given out.", c.tickets),
        ("unissued_tickets_total", "counter", "Tickets not given out.", c.unissued_tickets),
        ("refused_tickets_total", "counter", "Tickets that let nobody in.", c.refused_tickets),
    ]
}

/// Of connections, whatever was asked by them.
fn of_wire(c: &WireCounters) -> [Figure; 2] {
    let [cut, lost] = [&c.cut, &c.lost].map(|counter| counter.load(Ordering::Relaxed));
    [
        ("cut_at_wire_total", "counter", "Answers cut, of which nothing was taken.", cut),
        ("lost_peers_total", "counter", "HTTP/1.1 streams whose peer hung up.", lost),
    ]
}

/// The text format of Prometheus.
fn metrics(hub: &Hub) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in figures(hub) {
        let _ = write!(
            text,
            "# HELP sse_{name} {help}\n# TYPE sse_{name} {kind}\nsse_{name} {value}\n"
        );
    }
    text
}
