//! The driver on reqwest and tokio: it moves bytes, reads the clock, and decides nothing.
//!
//! There is no task and no channel in it but those that the HTTP client has for a connection. A stream that is not polled reads nothing, so a slow
//! reader stops the socket; a dropped stream drops its connection; a cancelled `next` loses nothing.

mod body;
mod builder;
mod client;
#[cfg(feature = "gzip")]
mod expansion;
mod failure;
#[cfg(feature = "gzip")]
mod gunzip;
#[cfg(feature = "gzip")]
mod inflate;
mod on;
mod request;
mod time;
mod told;
mod transport;
mod update;
mod updates;
mod url;

use alloc::string::String;
use core::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use sse_codec::DecodeError;
use thiserror::Error;

use self::updates::INPUTS_A_POLL;
use crate::{
    event::Event,
    session::{ReadyState, SessionError},
};

#[cfg(feature = "gzip")]
pub use self::expansion::Expansion;
#[cfg(feature = "json")]
pub use self::on::OnJson;
pub use self::{
    builder::{BuildError, Builder},
    client::HttpClient,
    on::On,
    request::Redirects,
    update::{Head, Update},
    updates::Updates,
    url::{UrlMistake, parse_url},
};

/// A stream of events that reconnects by itself.
///
/// A [`Stream`] of [`Event`]s, and [`next`](Self::next) for those without its extension trait.
/// Reconnecting makes no noise here: an `Err` is either an event lost to a limit
/// ([`Error::Dropped`], after which the stream goes on) or the end ([`Error::Failed`], after which
/// it gives `None`). Nor does an end in due form make an error: status 204, or, where the policy is
/// [`never`](crate::RetryPolicy::never) to try again, a body that ends as it should; one that breaks
/// off is an error then. To see connections come and go, [`Builder::open_updates`].
///
/// It is polled within a tokio runtime that has IO and time enabled.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let mut source = sse_client::EventSource::builder("http://localhost:8080/events").open()?;
/// while let Some(event) = source.next().await {
///     println!("{}", event?.data());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct EventSource {
    updates: Updates,
    last_error: Option<SessionError>,
}

impl EventSource {
    pub(self) const fn new(updates: Updates) -> Self {
        Self { updates, last_error: None }
    }
}

/// Why an [`EventSource`] gave no event.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// An event was over a limit and is lost; the stream goes on.
    #[error(transparent)]
    Dropped(#[from] DecodeError),
    /// An event's data is not the JSON that was [asked for](On::json); the stream goes on.
    #[cfg(feature = "json")]
    #[error(transparent)]
    Json(#[from] crate::JsonError),
    /// The stream is over, and trying again would not help or is not wanted.
    #[error(transparent)]
    Failed(#[from] SessionError),
}

impl EventSource {
    /// Begins the description of an event source at `url`. A mistake in it comes out of
    /// [`Builder::open`].
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }

    /// The next event; `None` after the end. Cancelling this future loses nothing.
    #[inline]
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        if let Some(event) = self.updates.arrived_event() {
            return Some(Ok(event));
        }
        poll_fn(|cx| self.poll_updates(cx)).await
    }

    /// Only the events of one type; the others are passed over, errors are not.
    ///
    /// For several types, match on [`Event::event_type`] instead.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let source = sse_client::EventSource::builder("http://localhost:8080/events").open()?;
    /// let mut prices = source.on("price");
    /// while let Some(price) = prices.next().await {
    ///     println!("{}", price?.data());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn on(self, event_type: impl Into<String>) -> On {
        On::new(self, event_type.into())
    }

    /// What the standard calls `readyState`.
    pub fn ready_state(&self) -> ReadyState {
        self.updates.ready_state()
    }

    /// The last event ID: what a reconnect sends, and what to store for a later resume.
    pub fn last_event_id(&self) -> &str {
        self.updates.last_event_id()
    }

    /// Why there is no stream now, or why it ended: what the latest attempt came to. `None` while it is
    /// open, and before the first attempt has failed.
    ///
    /// For whoever wonders why nothing comes: an address with a mistake in it is tried again for as long as
    /// the [policy](crate::RetryPolicy::max_attempts) says, which is for ever unless it says otherwise.
    ///
    /// ```no_run
    /// # use core::time::Duration;
    /// # async fn run(mut source: sse_client::EventSource) {
    /// let patience = Duration::from_secs(10);
    /// while let Ok(event) = tokio::time::timeout(patience, source.next()).await {
    ///     println!("{event:?}");
    /// }
    /// if let Some(error) = source.last_error() {
    ///     eprintln!("nothing comes: {error}");
    /// }
    /// # }
    /// ```
    pub fn last_error(&self) -> Option<&SessionError> {
        self.last_error.as_ref()
    }

    /// Closes it: drops the connection at once, and the stream gives `None`.
    pub fn close(&mut self) {
        self.updates.close();
    }
}

impl Stream for EventSource {
    type Item = Result<Event, Error>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.updates.arrived_event() {
            Some(event) => Poll::Ready(Some(Ok(event))),
            None => self.poll_updates(cx),
        }
    }
}

impl EventSource {
    #[inline(never)]
    fn poll_updates(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        for _ in 0..INPUTS_A_POLL {
            let Poll::Ready(update) = Pin::new(&mut self.updates).poll_next(cx) else {
                return Poll::Pending;
            };
            return Poll::Ready(match update {
                None => None,
                Some(Update::Event(event)) => Some(Ok(event)),
                Some(Update::Dropped(error)) => Some(Err(error.into())),
                Some(Update::Disconnected { error, retry_in, .. }) => {
                    let failed = retry_in.is_none() && !error.is_clean_end();
                    let error = self.last_error.insert(error);
                    if !failed {
                        continue;
                    }
                    Some(Err(error.clone().into()))
                }
                Some(Update::Opened { .. }) => {
                    self.last_error = None;
                    continue;
                }
                Some(
                    Update::Connecting { .. }
                    | Update::Redirected { .. }
                    | Update::Comment { .. }
                    | Update::ReconnectionTime { .. }
                    | Update::Closed,
                ) => continue,
            });
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
