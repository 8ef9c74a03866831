//! The handle by which any thread publishes and subscribes.

use alloc::sync::Arc;
use core::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use sse_codec::EventId;
use sse_server_core::{
    Counters, Cursor, InvalidConfig, Presence, Publish, PublishError, Receipt, Subscribe,
    SubscribeError, Topic,
};
use tokio::sync::oneshot;

use crate::{
    budget::Budget,
    config::{Config, RoutesConfig},
    hub_task::{Shared, keep_time},
    subscription::Subscription,
};

/// A hub of this process, with its history in memory. Clones are handles of the same hub.
///
/// ```
/// use sse_server::{Config, Hub, Publish, Subscribe, Topic};
/// use futures_util::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::start(Config::default())?;
/// let mut stream = hub.subscribe(Subscribe::new([Topic::new("prices")?]))?;
/// let id = hub.publish(Publish::new([Topic::new("prices")?], "1.08")).await?;
///
/// let mut wire = String::new();
/// while !wire.contains("data: 1.08\n\n") {
///     let chunk = stream.next().await.ok_or("the hub ended the stream")??;
///     wire.push_str(core::str::from_utf8(&chunk)?);
/// }
/// assert!(wire.contains(id.as_str()));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Hub {
    shared: Arc<Shared>,
    routes: Arc<RoutesConfig>,
    bodies: Arc<Budget>,
}

impl Hub {
    /// Starts a hub, and the task that keeps its time, which ends with the last handle.
    ///
    /// # Errors
    /// [`InvalidConfig`] if settings contradict each other, or let nothing through.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(config: Config) -> Result<Self, InvalidConfig> {
        config.check()?;
        let routes = Arc::new(config.routes.clone());
        let shared = Arc::new(Shared::new(config));
        tokio::spawn(keep_time(Arc::downgrade(&shared), shared.alarm.clone()));
        let bodies = Budget::new(routes.max_bodies);
        Ok(Self { shared, routes, bodies })
    }

    /// Publishes an event, without blocking: it is on its way when this returns, whether or not
    /// the answer is awaited.
    pub fn publish(&self, event: Publish) -> Publishing {
        let (sender, answer) = oneshot::channel();
        self.shared.publish(event, sender);
        Publishing { answer }
    }

    /// Opens a stream of encoded events.
    ///
    /// # Errors
    /// [`SubscribeError`] says which limit it would pass.
    pub fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError> {
        let id = self.shared.subscribe(request)?;
        Ok(Subscription::new(self.shared.clone(), id))
    }

    /// Ends well: takes in nobody and nothing more, tells subscribers when to come back, lets
    /// those that read read to the end, and returns when all have gone or `within` is over.
    ///
    /// Close the listener first, as [`Server`](crate::Server) does: whoever comes back finds nobody,
    /// and tries again, or finds the process that has taken over. While the listener is open, an
    /// [`EventService`](crate::EventService) tells those that come back to come again.
    pub async fn drain(&self, within: Duration) {
        self.shared.drain(within).await;
    }

    /// Whether a drain has begun.
    pub fn is_draining(&self) -> bool {
        self.shared.is_draining()
    }

    /// Whether a panic has ended the hub: its streams end, and all that is asked of it panics. No
    /// bug of that kind is known; a process that has met one is best started anew.
    pub fn has_failed(&self) -> bool {
        self.shared.has_failed()
    }

    /// The newest place in the order of events.
    pub fn head(&self) -> Cursor {
        self.shared.head()
    }

    /// What the hub has done so far.
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// Who is subscribed to a topic, by its name or by a pattern, through an
    /// [`EventService`](crate::EventService).
    pub fn presence(&self, topic: &Topic) -> Presence {
        self.presence_after(topic, None)
    }

    /// The same, but of the users those that follow `after`, in order: the next page, where
    /// [`Presence::is_partial`] says that there is one and `after` is the last that was named. Who comes
    /// and goes between two pages may be missed, or named and gone.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use sse_server::{Config, Hub, Topic};
    ///
    /// let hub = Hub::start(Config::default())?;
    /// let (room, mut users) = (Topic::new("room")?, Vec::new());
    /// loop {
    ///     let page = hub.presence_after(&room, users.last().map(|user: &std::sync::Arc<str>| &**user));
    ///     users.extend(page.users);
    ///     if !page.is_partial {
    ///         break;
    ///     }
    /// }
    /// # assert!(users.is_empty());
    /// # Ok(()) }
    /// ```
    pub fn presence_after(&self, topic: &Topic, after: Option<&str>) -> Presence {
        self.shared.presence(topic, after)
    }

    /// Ends all streams that a user has open through an [`EventService`](crate::EventService), and
    /// says how many there were.
    pub fn revoke_user(&self, id: &str) -> usize {
        self.shared.revoke_user(id)
    }

    /// Ends the stream whose `connected` event has this `clientId`; false if there is none.
    pub fn close_client(&self, client_id: &str) -> bool {
        let digits = Some(client_id).filter(|id| id.len() == 16 && !id.starts_with('+'));
        let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        number.is_some_and(|number| self.shared.close_client(number))
    }

    pub(crate) const fn routes(&self) -> &Arc<RoutesConfig> {
        &self.routes
    }

    /// What the bodies of all requests share.
    pub(crate) const fn bodies(&self) -> &Arc<Budget> {
        &self.bodies
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// The answer to [`Hub::publish`]: the event's id, once the store has taken it.
#[derive(Debug)]
pub struct Publishing {
    answer: oneshot::Receiver<Result<Receipt, PublishError>>,
}

impl Future for Publishing {
    type Output = Result<EventId<'static>, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        // The hub answers all that it takes, unless it is gone.
        Poll::Ready(
            answer.unwrap_or(Err(PublishError::Draining)).map(|receipt| receipt.cursor.id()),
        )
    }
}
