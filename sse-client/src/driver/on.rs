//! One type of event out of a stream of many.

use alloc::string::String;
use core::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use super::{Error, EventSource, updates::INPUTS_A_POLL};
use crate::event::Event;

/// The events of one type: see [`EventSource::on`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct On {
    source: EventSource,
    event_type: String,
}

impl On {
    pub(super) fn new(source: EventSource, event_type: String) -> Self {
        Self { source, event_type }
    }

    /// The next event of the type; `None` after the end. Cancelling this future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The whole event source: its state, its last event ID, its end.
    pub fn source(&mut self) -> &mut EventSource {
        &mut self.source
    }

    /// The data of these events, each read as JSON.
    ///
    /// What is not the JSON that `T` expects is an [`Error::Json`], and the stream goes on.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Deserialize)]
    /// struct Price {
    ///     eur: f64,
    /// }
    ///
    /// let source = sse_client::EventSource::builder("http://localhost:8080/events").open()?;
    /// let mut prices = source.on("price").json::<Price>();
    /// while let Some(price) = prices.next().await {
    ///     println!("{:.2} EUR", price?.eur);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(self) -> OnJson<T> {
        OnJson { on: self, of: core::marker::PhantomData }
    }
}

impl Stream for On {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        for _ in 0..INPUTS_A_POLL {
            match ready!(Pin::new(&mut self.source).poll_next(cx)) {
                Some(Ok(event)) if event.event_type() != self.event_type => {}
                item => return Poll::Ready(item),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The data of the events of one type, read as JSON: see [`On::json`].
///
/// It gives values alone. Who must tell [what comes again](crate::Event::is_repeat), or wants each event's
/// id, takes the events of [`On`] and [`Event::json`].
#[cfg(feature = "json")]
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct OnJson<T> {
    on: On,
    of: core::marker::PhantomData<fn() -> T>,
}

#[cfg(feature = "json")]
impl<T: serde::de::DeserializeOwned> OnJson<T> {
    /// The next value; `None` after the end. Cancelling this future loses nothing.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The whole event source: its state, its last event ID, its end.
    pub fn source(&mut self) -> &mut EventSource {
        self.on.source()
    }
}

#[cfg(feature = "json")]
impl<T: serde::de::DeserializeOwned> Stream for OnJson<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(ready!(Pin::new(&mut self.on).poll_next(cx)).map(|event| Ok(event?.json()?)))
    }
}
