//! The body of an answer, as the bytes that its sender meant.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::Body as _;
use reqwest::Body;
use sse_codec::time::Instant;
use url::Url;

use super::failure::classify_body;
#[cfg(feature = "gzip")]
use super::{Expansion, failure::place, inflate::Inflate};
use crate::session::Failure;

pub(super) struct Incoming {
    body: Body,
    url: Url,
    #[cfg(feature = "gzip")]
    inflate: Option<alloc::boxed::Box<Inflate>>,
}

impl Incoming {
    pub(super) fn new(body: Body, url: Url) -> Self {
        Self {
            body,
            url,
            #[cfg(feature = "gzip")]
            inflate: None,
        }
    }

    /// The same, with gzip undone.
    #[cfg(feature = "gzip")]
    pub(super) fn inflated(mut self, limits: Option<Expansion>, now: Instant) -> Self {
        self.inflate = Some(Inflate::new(limits, place(&self.url), now).into());
        self
    }

    /// Whether the coding that the answer's head names is undone here.
    pub(super) fn is_inflated(&self) -> bool {
        #[cfg(feature = "gzip")]
        let is_inflated = self.inflate.is_some();
        #[cfg(not(feature = "gzip"))]
        let is_inflated = false;
        is_inflated
    }

    /// What comes next, which may be no bytes; `None`: the end.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        #[cfg(feature = "gzip")]
        if self.inflate.is_some() {
            return self.poll_inflated(now, cx);
        }
        let _ = now;
        self.poll_chunk(cx)
    }

    /// A piece at a time, and no other chunk before the last one is decoded.
    #[cfg(feature = "gzip")]
    fn poll_inflated(
        &mut self,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        if let Some(piece) = self.inflate.as_mut().and_then(|inflate| inflate.next()) {
            return Poll::Ready(Some(piece));
        }
        let chunk = ready!(self.poll_chunk(cx));
        let Some(inflate) = &mut self.inflate else { return Poll::Ready(chunk) };
        Poll::Ready(match chunk {
            Some(Ok(chunk)) => {
                inflate.receive(chunk, now);
                // No more than a chunk at a time, even if there is nothing in it.
                Some(inflate.next().unwrap_or_else(|| Ok(Bytes::new())))
            }
            Some(Err(failure)) => Some(Err(failure)),
            None => inflate.end().err().map(Err),
        })
    }

    /// As it came.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                // What is not data is trailers, which mean nothing here.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => Some(Ok(chunk)),
                    Err(_) => continue,
                },
                Some(Err(error)) => Some(Err(classify_body(&error, &self.url))),
                None => None,
            });
        }
    }
}
