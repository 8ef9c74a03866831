//! The routes, as a tower service.

use core::{
    convert::Infallible,
    fmt::Display,
    future::ready,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};

use crate::{
    body::Body,
    connection::CutHandle,
    hub::Hub,
    publish, query,
    respond::{self, Refusal},
    subscription::Subscription,
};

/// Answers requests on behalf of a [`Hub`].
///
/// A `tower_service::Service` over any request body, whose responses are `http_body::Body`s: mount
/// it where such are spoken. Without the [`Server`](crate::Server)'s own accept loop a subscriber
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

    fn events<B>(
        &self,
        request: &Request<B>,
        topic: Option<&str>,
    ) -> Result<Response<Body>, Refusal> {
        match *request.method() {
            Method::GET => {}
            // The head of what a GET would give, without taking a place at the hub.
            Method::HEAD => {
                let _ = query::subscription(request, topic)?;
                return Ok(respond::event_stream(Bytes::new().into()));
            }
            ref method => return Err(Refusal::method(method, request.uri().path(), "GET, HEAD")),
        }
        let asked = query::subscription(request, topic)?;
        let shared = self.hub.shared();
        let id = shared.subscribe(asked, request.extensions().get::<CutHandle>().cloned())?;
        Ok(respond::event_stream(Subscription::new(shared.clone(), id).into()))
    }

    async fn publish<B>(self, request: Request<B>) -> Result<Response<Body>, Refusal>
    where
        B: http_body::Body,
        B::Error: Display,
    {
        let (head, body) = request.into_parts();
        let body = publish::read(&head.headers, body).await?;
        let id = self.hub.publish(publish::parse(&body)?).await?;
        let answer = serde_json::json!({ "id": id.as_str() });
        Ok(respond::json(StatusCode::OK, &answer.to_string()))
    }
}

/// What there is, for whoever asks for something else.
const ROUTES: &str =
    "GET /events, GET /events/{topic}, POST /publish, GET /healthz and GET / are all there is";

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
        let (method, path) = (request.method(), request.uri().path());
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let response = match path.strip_prefix("/events/") {
            Some(topic) if !topic.is_empty() && !topic.contains('/') => {
                self.events(&request, Some(topic))
            }
            _ => match path {
                "/events" | "/events/" => self.events(&request, None),
                "/publish" if *method == Method::POST => {
                    let answer = self.clone().publish(request);
                    return Box::pin(async {
                        Ok(answer.await.unwrap_or_else(Refusal::into_response))
                    });
                }
                "/publish" => Err(Refusal::method(method, path, "POST")),
                "/healthz" if reads => Ok(respond::text(StatusCode::OK, "ok\n")),
                "/" if reads => Ok(respond::html(include_str!("page.html"))),
                "/healthz" | "/" => Err(Refusal::method(method, path, "GET, HEAD")),
                _ => Err(Refusal::new(
                    StatusCode::NOT_FOUND,
                    format_args!("there is nothing at {path}; {ROUTES}"),
                )),
            },
        };
        Box::pin(ready(Ok(response.unwrap_or_else(Refusal::into_response))))
    }
}
