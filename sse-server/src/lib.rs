//! A hub of Server-Sent Events on a network: many browsers subscribe, something publishes, and
//! nobody loses an event in silence.
//!
//! - [`Hub`]: publish and subscribe from any thread of the process.
//! - [`EventService`]: a [`tower_service::Service`] to mount in hyper, axum or whatever speaks
//!   `http`; its responses are [`http_body::Body`]s.
//! - [`Server`]: the portable driver, on hyper: HTTP/1.1 and HTTP/2.
//! - the binary `sse-server`, which is [`Server`] with flags.
//!
//! What happens is decided in [`sse_server_core`]; here are sockets, a clock and a lock.
//!
//! # Routes
//! | | |
//! |---|---|
//! | `GET /events?topic=a&topic=b`, `GET /events/{topic}`, bare `GET /events` | an event stream of these topics or [patterns](Selector), of one's own, and of what goes to everyone. `Last-Event-ID`, as a header or as the query's `lastEventId`, resumes; `earliest` begins with all that is kept |
//! | the same with `Accept: application/json` | long-polling: waits up to `timeout` seconds and answers `{"events":[…],"lastEventId":…}`, with `reset` where events were lost |
//! | `POST /publish` | JSON: `topic`, `topics`, `user` or `all`; `event`; `data`; `key`, by which a repeat takes no effect. Answers `{"id":…}`. As `application/x-ndjson` a batch, all of it or the number of the bad line |
//! | `POST /events/{topic}?event=…` | the body is the data |
//! | `POST /broadcast` `{"message":…}`, `POST /notify` `{"userId":…,"message":…}` | the event `announcement` to everyone, `notification` to one user |
//! | `POST /ticket` `{"topics":[…]}` | `{"ticket":…,"useWithin":…}`: for a browser's EventSource, which can send no header to say who it is. `GET /events?ticket=…` opens one stream, and resumes it |
//! | `GET /healthz`, `GET /readyz` | 200 while the process lives; while it takes requests |
//! | `GET /` | a page that watches and publishes with the browser's own means |
//!
//! A stream begins with the event `connected`. An event `reset` says that events were lost which
//! no resume can bring back, and why.
//!
//! # Browsers that come back
//! A browser's EventSource tries again after an end or a failure, and gives up for good at any status
//! but 200. So whoever comes back while there is no room, or during a drain, is answered by a stream
//! that says when to try again and ends ([`RoutesConfig::soft_refusals`] has all be so answered).
//!
//! A ticket lives as long as the process, and for [`RoutesConfig::ticket_life`] at most: after that it
//! is answered 401, and the page asks for another, with the place it has come to:
//!
//! ```js
//! let place = "";
//! async function open() {
//!   const answer = await fetch("/ticket", {
//!     method: "POST",
//!     headers: { "Content-Type": "application/json" },
//!     body: JSON.stringify({ topics: ["orders"] }),
//!   });
//!   if (!answer.ok) return setTimeout(open, 5000);
//!   const { ticket } = await answer.json();
//!   const source = new EventSource(`/events?ticket=${ticket}&lastEventId=${place}`);
//!   source.onmessage = (event) => { place = event.lastEventId; show(event.data); };
//!   source.onerror = () => {
//!     // Otherwise it is already trying again by itself.
//!     if (source.readyState === EventSource.CLOSED) setTimeout(open, 1000 + 4000 * Math.random());
//!   };
//! }
//! open().catch(() => setTimeout(open, 5000));
//! ```
//!
//! # Pages from elsewhere
//! A browser lets any page post text anywhere. What is posted by a page of another site is refused
//! with 403, unless [`RoutesConfig::allowed_origins`] names its origin; what no browser sends says
//! neither `Origin` nor `Sec-Fetch-Site`, and is let through.
//!
//! Pages of the origins named there may also read the answers, refusals included, and open event
//! streams. Their browsers' preflights (`OPTIONS`) are answered with the methods of the route and the
//! headers `Authorization`, `Cache-Control`, `Content-Type` and `Last-Event-ID`; a page may read
//! `Retry-After`. Cookies may go along (`credentials: "include"`, `withCredentials: true`), since the
//! application or proxy in front may know its users by them. Pages of other origins are shown
//! nothing. Where the service is mounted behind middleware that turns requests away, let preflights
//! pass: they carry neither cookies nor tokens.
//!
//! # Who is there
//! Whoever subscribes to `$presence.TOPIC` gets the event `presence` within a second, and again, once a
//! second at most, when somebody has come or gone:
//!
//! ```json
//! {"topic":"room","count":3,"users":["ann","bob"],"joined":["bob"],"left":[],"partial":false}
//! ```
//!
//! `count` is of streams and always exact. `users` are the first of their users, in order, `joined` and
//! `left` those who came and went since the last word; of the former and of the latter two together it
//! names [`AdmissionConfig::max_named`] at most (100). Where `partial` is false that is everyone: take
//! `users` as it is. Where it is true there are more of any of these, as in a room of thousands: show
//! `count`, and have the program ask [`Hub::presence_after`], or `GET /presence?topic=room&after=bob` of
//! the admin listener, which name all of them by the page. What is told costs the hub the same however
//! many they are.
//!
//! A long-poll that comes back by its `lastEventId`, which says what it was told, is answered when that has
//! changed.
//!
//! Streams of who is known by no name count as well. What the program itself reads by [`Hub::subscribe`] does not.
//!
//! # Limits
//! Whoever opens streams faster than [`AdmissionConfig::connect_rate`] allows a
//! user and an address is answered 429 with a `Retry-After`; a browser that comes back, by a stream that
//! says when. A long-poll counts as a stream that opens, since it costs as much: at more events a
//! second than that, an address's long-polls are told to wait, and get in the next answer what came
//! meanwhile. Open a stream where much comes, or raise the rate.
//! Behind a proxy all come from its address, unless [`RoutesConfig::forwarded`] is set.
//!
//! Of what is there for all, such as [patterns in use](HubConfig::max_patterns_in_use) and
//! [watched topics](AdmissionConfig::max_watched), a user and an address have a share: one who has all of it
//! is answered 429, with what to do, and one request that alone asks for more, 400: it could never be.
//!
//! An open stream takes some 400 bytes for who it is, by whom it is limited and where it is present (by
//! a user id of 36 bytes and one topic), besides what the hub and its connection take.
//!
//! Whoever asks and does not read is cut after [`HubConfig::max_stall`], be it a stream, a long-poll or
//! a page that is not taken. One who has vanished is noticed within about as long.
//!
//! [`HubConfig`], [`Retention`], [`AdmissionConfig`], [`RoutesConfig`] and [`ServerConfig`] name each, with its default;
//! `docs/hub-limits.md` has them in one table.

#![forbid(unsafe_code)]

extern crate alloc;

mod admin;
mod body;
mod budget;
mod config;
mod connection;
mod cors;
mod crowd;
pub mod demo;
mod grant;
mod guard;
mod hub;
mod hub_task;
mod identity;
mod json;
mod lane;
mod origin;
mod poll;
mod publish;
mod query;
mod respond;
mod routes;
mod seen;
mod server;
mod service;
mod stop;
mod store;
mod subscription;
mod ticket;
mod trouble;
mod wire;

pub use sse_codec::{EventId, EventType};
pub use sse_server_core::{
    AdmissionConfig, AdmissionError, Counters, Cursor, HubConfig, InvalidConfig, InvalidKey,
    InvalidTopic, InvalidUser, Overflow, Presence, Publish, PublishError, PublishKey, Resume,
    Retention, Selector, Subscribe, SubscribeError, Topic,
};

pub use crate::{
    body::Body,
    config::{Config, RoutesConfig, ServerConfig},
    grant::Grant,
    hub::{Hub, Publishing},
    identity::{PeerAddress, User},
    origin::{HostName, InvalidHost, InvalidOrigin, Origin},
    server::Server,
    service::{EventService, ServiceFuture},
    subscription::{Cut, Subscription},
};

/// The workspace's README: its examples run here, since this crate stands above all that they use.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
