//! What there is at which path, in one table: for what is answered, for browsers that ask first, and for
//! what is said where there is nothing.

use http::{Method, StatusCode};

use crate::{config::RoutesConfig, respond::Refusal};

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Events,
    Topic(&'a str),
    Publish,
    Broadcast,
    Notify,
    Ticket,
    Health,
    Ready,
    Page,
}

/// All of it, in the order in which it is said. Whatever is got can be asked for its head.
static ROUTES: [(Method, &str, Place<'static>); 10] = [
    (Method::GET, "/events", Place::Events),
    (Method::GET, "/events/{topic}", Place::Topic("")),
    (Method::POST, "/publish", Place::Publish),
    (Method::POST, "/events/{topic}", Place::Topic("")),
    (Method::POST, "/broadcast", Place::Broadcast),
    (Method::POST, "/notify", Place::Notify),
    (Method::POST, "/ticket", Place::Ticket),
    (Method::GET, "/healthz", Place::Health),
    (Method::GET, "/readyz", Place::Ready),
    (Method::GET, "/", Place::Page),
];

/// What there is of it by these settings.
fn routes(
    config: &RoutesConfig,
) -> impl Iterator<Item = (&'static Method, &'static str, Place<'static>)> {
    ROUTES
        .iter()
        .filter(|(method, _, place)| match place {
            Place::Page => config.page,
            Place::Publish | Place::Broadcast | Place::Notify => config.publish,
            Place::Topic(_) => config.publish || *method != Method::POST,
            Place::Events | Place::Ticket | Place::Health | Place::Ready => true,
        })
        .map(|(method, path, place)| (method, *path, *place))
}

impl<'a> Place<'a> {
    /// What is at a path, and the methods that it takes.
    pub(crate) fn at(
        path: &'a str,
        config: &RoutesConfig,
    ) -> Result<(Self, &'static str), Refusal> {
        let topic = topic_in(path);
        let path_of_table = match (path, topic) {
            (_, Some(_)) => "/events/{topic}",
            ("/events/", _) => "/events",
            (path, None) => path,
        };
        let (mut found, mut gets, mut posts) = (None, false, false);
        for (method, _, place) in routes(config).filter(|&(_, path, _)| path == path_of_table) {
            found = Some(place);
            gets |= *method == Method::GET;
            posts |= *method == Method::POST;
        }
        let methods = match (gets, posts) {
            (true, true) => "GET, HEAD, POST",
            (true, false) => "GET, HEAD",
            (false, _) => "POST",
        };
        match (found, topic) {
            (Some(_), Some(topic)) => Ok((Self::Topic(topic), methods)),
            (Some(place), None) => Ok((place, methods)),
            (None, _) => {
                Err(nothing_at(path, routes(config).map(|(method, path, _)| (method, path))))
            }
        }
    }
}

/// Says what there is to whoever asks for something else.
pub(crate) fn nothing_at<'a>(
    path: &str,
    routes: impl Iterator<Item = (&'a Method, &'a str)>,
) -> Refusal {
    let mut routes: Vec<_> = routes.map(|(method, path)| format!("{method} {path}")).collect();
    let last = routes.pop().unwrap_or_default();
    let reason = format_args!(
        "there is nothing at {path}; {} and {last} are all there is",
        routes.join(", ")
    );
    Refusal::new(StatusCode::NOT_FOUND, reason)
}

fn topic_in(path: &str) -> Option<&str> {
    path.strip_prefix("/events/").filter(|topic| !topic.is_empty() && !topic.contains('/'))
}
