//! The routes, as a tower service.

use core::{
    convert::Infallible,
    fmt::Display,
    future::ready,
    hash::BuildHasher,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::hash::RandomState;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use sse_server_core::{PublishError, Resume, Subscribe, SubscriberId, Visitor};

use crate::{
    body::Body,
    cors::{self, Cors},
    guard,
    hub::Hub,
    identity::Identity,
    poll,
    publish::{self, Form, Route},
    query::{self, Asked},
    respond::{self, Refusal},
    routes::Place,
    seen::Seen,
    subscription::Subscription,
    ticket,
    wire::CutHandle,
};

/// Answers requests on behalf of a [`Hub`].
///
/// A `tower_service::Service` over any request body, whose responses are `http_body::Body`s: mount
/// it where such are spoken.
///
/// # Who may do what
/// It asks nobody who they are. The application's middleware does, and puts a
/// [`Grant`](crate::Grant), which says what they may do as well, or a
/// [`User`](crate::User) into the request's extensions; whoever accepts connections puts a
/// [`PeerAddress`](crate::PeerAddress) there, as [`Server`](crate::Server) does. **Of a request that
/// has neither nothing is limited**: not the streams it opens, but for the limit on all, nor what it
/// publishes. And **whoever can reach it without a `Grant` may read any topic and publish to it**: have
/// all others refused ([`RoutesConfig::grants_only`](crate::RoutesConfig::grants_only)), mount only
/// `/events` for those who only read, put your own check before the rest, or turn publishing off
/// ([`RoutesConfig::publish`](crate::RoutesConfig::publish)) and publish by the [`Hub`]. Pages of
/// other sites may not post ([`RoutesConfig::allowed_origins`](crate::RoutesConfig::allowed_origins)).
///
/// # Without the accept loop of `Server`
/// Without the [`Server`](crate::Server)'s own accept loop a subscriber
/// that is cut for not reading frees all that the hub holds for it, and its body fails when it is
/// next polled.
///
/// ```
/// use sse_server::{Config, EventService, Hub};
/// use tower_service::Service;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut service = EventService::new(Hub::start(Config::default())?);
/// let request = http::Request::get("/events?topic=prices").body(String::new())?;
/// let response = service.call(request).await?;
/// assert_eq!(response.headers()["content-type"], "text/event-stream");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct EventService {
    hub: Hub,
}

/// A response on its way.
pub type ServiceFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl EventService {
    /// The routes of this hub.
    pub const fn new(hub: Hub) -> Self {
        Self { hub }
    }

    fn events<B>(&self, request: &Request<B>, topic: Option<&str>) -> Result<Events, Refusal> {
        let config = self.hub.routes();
        let wants_json = wants_json(request.headers());
        let asked = asked(request, topic, wants_json)?;
        let identity = Identity::of(request, config)?;
        // The head of what a GET would give, without taking a place at the hub.
        if *request.method() == Method::HEAD {
            match &asked.ticket {
                Some(secret) => self.hub.shared().check_ticket(&secret.0, asked.resume)?,
                None => drop(self.asks(&asked, identity)?),
            }
            let nothing = Body::from(Bytes::new());
            return Ok(Events::Now(if wants_json {
                respond::json(StatusCode::OK, "")
            } else {
                respond::event_stream(nothing)
            }));
        }
        let cut = request.extensions().get::<CutHandle>();
        let id = match self.admit(&asked, identity, cut.cloned()) {
            Ok(id) => id,
            Err(refusal) => {
                let random = RandomState::new().hash_one(0);
                let [jitter, turn] = [random as u16, (random >> 16) as u16];
                // As those are told whom the drain ends: together they would be a storm.
                let refusal = refusal.within(self.hub.shared().drain_spread(), turn);
                // Whoever holds a ticket is a browser, as is most likely who says what it has seen.
                // During a drain all who were told to come back do.
                let resumes = asked.resume != Resume::Fresh && wants_stream(request.headers());
                let is_soft = config.soft_refusals
                    || asked.ticket.is_some()
                    || resumes
                    || self.hub.is_draining();
                if is_soft && !wants_json && refusal.is_for_now() {
                    return Ok(Events::Now(refusal.into_stream(jitter)));
                }
                return Err(refusal);
            }
        };
        if let Some(cut) = cut {
            cut.watch_peer();
        }
        let stream = Subscription::new(self.hub.shared().clone(), id);
        if wants_json {
            let wait = asked.wait.unwrap_or(config.long_poll).min(config.max_long_poll);
            let seen = Seen::read(&asked.seen, self.hub.shared().max_topics());
            return Ok(Events::Later { stream, resume: asked.resume, seen, wait });
        }
        Ok(Events::Now(respond::event_stream(stream.into())))
    }

    fn admit(
        &self,
        asked: &Asked,
        identity: Identity,
        cut: Option<CutHandle>,
    ) -> Result<SubscriberId, Refusal> {
        let shared = self.hub.shared();
        if let Some(secret) = &asked.ticket {
            let admitted = shared.admit_by_ticket(&secret.0, asked.resume, identity.address, cut);
            return Ok(admitted?);
        }
        let (subscribe, visitor) = self.asks(asked, identity)?;
        Ok(shared.admit(subscribe, visitor, cut)?)
    }

    /// What whoever has no ticket asks for, if they may.
    fn asks(&self, asked: &Asked, identity: Identity) -> Result<(Subscribe, Visitor), Refusal> {
        identity.check_granted(self.hub.routes())?;
        let shared = self.hub.shared();
        let mut subscribe = Subscribe::new(asked.selectors.iter().cloned()).resume(asked.resume);
        if let Some(grant) = &identity.grant {
            grant.check_read(&asked.selectors)?;
            if let Some(at) = grant.ends() {
                subscribe = subscribe.expires(shared.time_of(at));
            }
        }
        let mut visitor = Visitor::new(asked.selectors.iter().cloned());
        if let Some(user) = identity.user {
            subscribe = subscribe.user(&user).map_err(Refusal::bad_request)?;
            visitor = visitor.user(user);
        }
        if let Some(address) = identity.address {
            visitor = visitor.address(address);
        }
        Ok((subscribe, visitor))
    }

    async fn ticket<B>(self, request: Request<B>) -> Result<Response<Body>, Refusal>
    where
        B: http_body::Body,
        B::Error: Display,
    {
        let config = self.hub.routes();
        let identity = Identity::of(&request, config)?;
        identity.check_granted(config)?;
        let (head, body) = request.into_parts();
        publish::json_only(&head.headers)?;
        let mut share = self.hub.bodies().share();
        let body = publish::read(body, config.max_body, &mut share).await?;
        Ok(respond::json(StatusCode::OK, &ticket::issue(&self.hub, &identity, &body)?))
    }

    async fn publish<B>(self, route: Posted, request: Request<B>) -> Result<Response<Body>, Refusal>
    where
        B: http_body::Body,
        B::Error: Display,
    {
        let config = self.hub.routes();
        let identity = Identity::of(&request, config)?;
        identity.check_granted(config)?;
        let (principal, publisher) = (identity.principal(), identity.user.as_deref());
        let (head, body) = request.into_parts();
        let query = head.uri.query().unwrap_or_default();
        let route = match &route {
            Posted::Publish => Route::Publish,
            Posted::Raw(topic) => Route::Raw { topic, query },
            Posted::Broadcast => Route::Broadcast,
            Posted::Notify => Route::Notify,
        };
        let form = route.form(&head.headers)?;
        let max = if form == Form::Lines { config.max_batch } else { config.max_body };
        // Given back with the answer: what is made of the body is as large.
        let mut share = self.hub.bodies().share();
        let body = publish::read(body, max, &mut share).await?;
        let numbered = match form {
            Form::Lines => publish::parse_lines(&body, publisher, config.max_batch_events)?,
            Form::Json | Form::Text => vec![(0, route.parse(&body, publisher)?)],
        };
        for (line, event) in &numbered {
            let granted =
                identity.grant.as_ref().map_or(Ok(()), |grant| grant.check_publish(event));
            granted.map_err(|refusal| match *line {
                0 => refusal,
                line => refusal.in_line(line),
            })?;
        }
        let (lines, events): (Vec<_>, Vec<_>) = numbered.into_iter().unzip();
        let answers = self.hub.shared().publish_all(events, principal.as_ref());
        let answers = answers.map_err(|(at, refused)| match at.map_or(0, |at| lines[at]) {
            0 => Refusal::from(refused),
            line => Refusal::from(refused).in_line(line),
        })?;
        let mut receipts = Vec::with_capacity(answers.len());
        for answer in answers {
            // The hub answers all that it takes, unless it is gone.
            receipts.push(answer.await.unwrap_or(Err(PublishError::Draining))?);
        }
        let id = receipts[0].cursor.to_string();
        let answer = match route {
            _ if form == Form::Lines => {
                let ids = receipts.iter().map(|receipt| receipt.cursor.to_string());
                serde_json::json!({ "ids": ids.collect::<Vec<_>>() })
            }
            Route::Publish if receipts[0].is_repeat => {
                serde_json::json!({ "id": id, "repeat": true })
            }
            Route::Publish | Route::Raw { .. } => serde_json::json!({ "id": id }),
            Route::Broadcast | Route::Notify => serde_json::json!({ "success": true, "id": id }),
        };
        Ok(respond::json(StatusCode::OK, &answer.to_string()))
    }

    /// Whether it is of use to send requests here, and why not.
    fn readiness(&self) -> Result<Response<Body>, Refusal> {
        respond::health(&self.hub)?;
        if self.hub.is_draining() {
            let reason = "the hub is shutting down; ask another";
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason));
        }
        Ok(respond::text(StatusCode::OK, "ready\n"))
    }

    fn answer<B>(&self, request: Request<B>) -> ServiceFuture
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Display,
    {
        let config = self.hub.routes();
        if let Err(refusal) = guard::own_page(&request, &config.allowed_origins) {
            return Box::pin(ready(Ok(refusal.into_response())));
        }
        let (method, path) = (request.method(), request.uri().path());
        let (place, methods) = match Place::at(path, config) {
            Ok(found) => found,
            Err(refusal) => return Box::pin(ready(Ok(refusal.into_response()))),
        };
        if cors::is_preflight(&request) {
            let answer = cors::preflight(&request, &config.allowed_origins, methods);
            return Box::pin(ready(Ok(answer.unwrap_or_else(Refusal::into_response))));
        }
        if !methods.split(", ").any(|it| it == method.as_str()) {
            let refusal = Refusal::method(method, path, methods);
            return Box::pin(ready(Ok(refusal.into_response())));
        }
        let publish = |route, request| -> ServiceFuture {
            let answer = self.clone().publish(route, request);
            Box::pin(async { Ok(answer.await.unwrap_or_else(Refusal::into_response)) })
        };
        let response = match (place, method) {
            (Place::Ticket, _) => {
                let answer = self.clone().ticket(request);
                return Box::pin(async { Ok(answer.await.unwrap_or_else(Refusal::into_response)) });
            }
            (Place::Events, _) => self.events(&request, None),
            (Place::Topic(topic), &(Method::GET | Method::HEAD)) => {
                self.events(&request, Some(topic))
            }
            (Place::Health, _) => respond::health(&self.hub).map(Events::Now),
            (Place::Ready, _) => self.readiness().map(Events::Now),
            (Place::Page, _) => Ok(Events::Now(respond::html(include_str!("page.html")))),
            (Place::Topic(topic), _) => return publish(Posted::Raw(topic.to_owned()), request),
            (Place::Publish, _) => return publish(Posted::Publish, request),
            (Place::Broadcast, _) => return publish(Posted::Broadcast, request),
            (Place::Notify, _) => return publish(Posted::Notify, request),
        };
        match response {
            Ok(Events::Now(response)) => Box::pin(ready(Ok(response))),
            Ok(Events::Later { stream, resume, seen, wait }) => Box::pin(async move {
                let answer = poll::answer(stream, resume, seen, wait).await;
                Ok(answer.unwrap_or_else(Refusal::into_response))
            }),
            Err(refusal) => Box::pin(ready(Ok(refusal.into_response()))),
        }
    }
}

/// An answer to a request for events.
enum Events {
    Now(Response<Body>),
    Later { stream: Subscription, resume: Resume, seen: Seen, wait: Duration },
}

/// Where something is posted.
enum Posted {
    Publish,
    Raw(String),
    Broadcast,
    Notify,
}

fn asked<B>(request: &Request<B>, topic: Option<&str>, polls: bool) -> Result<Asked, Refusal> {
    let asked = query::asked(request, topic)?;
    if asked.wait.is_some() && !polls {
        return Err(Refusal::bad_request(
            "timeout is for long-polling; send Accept: application/json, or leave it out",
        ));
    }
    Ok(asked)
}

/// Whether a JSON answer is asked for rather than a stream.
fn wants_json(headers: &HeaderMap) -> bool {
    accepted(headers) == Some(Accepted::Json)
}

/// Whether a stream is asked for by its name.
fn wants_stream(headers: &HeaderMap) -> bool {
    accepted(headers) == Some(Accepted::Stream)
}

#[derive(PartialEq)]
enum Accepted {
    Json,
    Stream,
}

/// The first of the two that is named; whoever names neither gets a stream.
fn accepted(headers: &HeaderMap) -> Option<Accepted> {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim());
    types.find_map(|name| match name {
        "application/json" => Some(Accepted::Json),
        "text/event-stream" => Some(Accepted::Stream),
        _ => None,
    })
}

impl<B> tower_service::Service<Request<B>> for EventService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Display,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ServiceFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ServiceFuture {
        let cors = Cors::of(&request, &self.hub.routes().allowed_origins);
        let answer = self.answer(request);
        match cors {
            // A refusal is of use to a page that may read it.
            Some(cors) => Box::pin(async move {
                let mut answer = answer.await;
                if let Ok(response) = &mut answer {
                    cors.let_read(response);
                }
                answer
            }),
            None => answer,
        }
    }
}
