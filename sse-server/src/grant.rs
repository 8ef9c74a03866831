//! What a request may do: said by the application, in one place.

use alloc::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use sse_server_core::{Publish, Selector, Topic};

use crate::respond::Refusal;

/// Who a request is of, and what it may do: put into its extensions by the application's own middleware,
/// which has looked at its session or token.
///
/// It grants nothing but what is in every subscription, which is what goes to everyone and to its user;
/// all else is said. What is asked for beyond it is 403, and never narrowed in silence; a ticket that is
/// given out for it grants no more, and ends when it does. A request without a `Grant` may do all that
/// the routes do, on behalf of a [`User`](crate::User) if there is one, unless
/// [`RoutesConfig::grants_only`](crate::RoutesConfig::grants_only) says otherwise.
///
/// ```
/// use std::time::{Duration, Instant};
/// use sse_server::{Config, EventService, Grant, Hub, Selector};
/// use tower_service::Service;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let grant = Grant::new()
///     .user("ann")
///     .read([Selector::new("team.7.**")?])
///     .publish([Selector::new("team.7.chat")?])
///     .until(Instant::now() + Duration::from_secs(900));
/// let mut service = EventService::new(Hub::start(Config::default())?);
/// for (topic, status) in [("team.7.chat", 200), ("team.8.chat", 403)] {
///     let mut request = http::Request::get(format!("/events/{topic}")).body(String::new())?;
///     // As middleware does.
///     request.extensions_mut().insert(grant.clone());
///     assert_eq!(service.call(request).await?.status(), status);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a grant is put into the extensions of a request"]
pub struct Grant {
    user: Option<Arc<str>>,
    read: Arc<[Selector]>,
    watch: Arc<[Selector]>,
    publish: Publishes,
    until: Option<Instant>,
}

/// What may be published.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Publishes {
    These(Arc<[Selector]>),
    Anything,
}

impl Default for Publishes {
    fn default() -> Self {
        Self::These(Arc::default())
    }
}

impl Grant {
    /// Of nobody in particular, who may do nothing but read what goes to everyone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whose it is: what is for them is in their every subscription, and limits hold for all their
    /// requests together. Without, it is of the request's [`User`](crate::User), if there is one.
    pub fn user(mut self, id: impl Into<Arc<str>>) -> Self {
        self.user = Some(id.into());
        self
    }

    /// Sets what may be read: topics, and patterns that hold whatever is asked for.
    pub fn read(mut self, selectors: impl IntoIterator<Item = Selector>) -> Self {
        self.read = selectors.into_iter().collect();
        self
    }

    /// Sets of which topics may be watched who is there (`$presence.TOPIC`).
    pub fn watch(mut self, selectors: impl IntoIterator<Item = Selector>) -> Self {
        self.watch = selectors.into_iter().collect();
        self
    }

    /// Sets to which topics may be published. To everyone or to a user none of these does; a
    /// [`Topic`] of theirs can be named.
    ///
    /// ```
    /// use sse_server::{Grant, Selector, Topic};
    ///
    /// let support = Grant::new().publish([Selector::new("news.*")?, Topic::user("ann")?.into()]);
    /// # Ok::<(), sse_server::InvalidTopic>(())
    /// ```
    pub fn publish(mut self, selectors: impl IntoIterator<Item = Selector>) -> Self {
        self.publish = Publishes::These(selectors.into_iter().collect());
        self
    }

    /// Lets it publish to whatever topic, to everyone and to any user.
    pub fn publish_anything(mut self) -> Self {
        self.publish = Publishes::Anything;
        self
    }

    /// Sets when it ends, and with it the streams that were opened by it.
    pub const fn until(mut self, at: Instant) -> Self {
        self.until = Some(at);
        self
    }

    pub(crate) const fn of(&self) -> Option<&Arc<str>> {
        self.user.as_ref()
    }

    pub(crate) const fn ends(&self) -> Option<Instant> {
        self.until
    }

    /// Refuses what is asked to be read beyond it.
    pub(crate) fn check_read(&self, asked: &[Selector]) -> Result<(), Refusal> {
        self.check_time()?;
        let is_granted = |asked: &&Selector| {
            let by = |granted: &[Selector], asked: &Selector| {
                granted.iter().any(|granted| granted.covers(asked))
            };
            let watched = asked.as_str().strip_prefix("$presence.");
            let watched = watched.and_then(|topic| Topic::new(topic).ok());
            by(&self.read, asked) || watched.is_some_and(|topic| by(&self.watch, &topic.into()))
        };
        match asked.iter().find(|asked| !is_granted(asked)) {
            Some(asked) => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                format_args!("{asked} is not among what you may read; ask for less"),
            )),
            None => Ok(()),
        }
    }

    /// Refuses what goes to topics beyond it.
    pub(crate) fn check_publish(&self, event: &Publish) -> Result<(), Refusal> {
        self.check_time()?;
        let Publishes::These(granted) = &self.publish else { return Ok(()) };
        let is_granted = |topic: &&Topic| granted.iter().any(|granted| granted.matches(topic));
        match event.topics().iter().find(|topic| !is_granted(topic)) {
            Some(topic) => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                format_args!("{topic} is not among what you may publish to"),
            )),
            None => Ok(()),
        }
    }

    fn check_time(&self) -> Result<(), Refusal> {
        if self.until.is_some_and(|at| at <= Instant::now()) {
            let reason = "what was granted is over; ask for it anew";
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, reason));
        }
        Ok(())
    }
}
