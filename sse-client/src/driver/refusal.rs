//! The beginning of a body that says why there is no stream.

use alloc::{boxed::Box, vec::Vec};
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http_body::Body as _;
use reqwest::Body;
use tokio::time::{Sleep, sleep};

/// As much as is read: an explanation stands at the beginning.
const MOST: usize = 4096;

/// How long it is waited for: the status alone says enough.
const PATIENCE: Duration = Duration::from_millis(500);

/// What stands in a secret's place.
const MASK: &[u8] = b"***";

/// Shorter values are no secrets, and would mask ordinary words.
const SHORTEST_SECRET: usize = 6;

/// A body being read, to its end or as far as it is worth.
pub(super) struct Refusal {
    body: Body,
    read: Vec<u8>,
    patience: Pin<Box<Sleep>>,
}

impl Refusal {
    pub(super) fn new(body: Body) -> Self {
        Self { body, read: Vec::new(), patience: Box::pin(sleep(PATIENCE)) }
    }

    /// What there is of it. A body that breaks off, or takes too long, has said what it has.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Vec<u8>> {
        while self.read.len() < MOST {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let data = frame.into_data().unwrap_or_default();
                    let room = MOST - self.read.len();
                    self.read.extend_from_slice(&data[..data.len().min(room)]);
                }
                Poll::Ready(Some(Err(_)) | None) => break,
                Poll::Pending if self.patience.as_mut().poll(cx).is_ready() => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(core::mem::take(&mut self.read))
    }
}

/// Whether what stands under this name is likely a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "pass", "pwd", "key", "auth", "credential", "sig", "jwt", "session"]
        .iter()
        .any(|part| name.contains(part))
}

/// Puts a mask in the place of `secret`, wherever it stands in `text`.
pub(super) fn mask(text: &mut Vec<u8>, secret: &[u8]) {
    if secret.len() < SHORTEST_SECRET {
        return;
    }
    let mut from = 0;
    while let Some(found) = text[from..].windows(secret.len()).position(|part| part == secret) {
        let at = from + found;
        text.splice(at..at + secret.len(), MASK.iter().copied());
        from = at + MASK.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
        let mut text = b"hunter22 hunter2 xhunter22hunter22".to_vec();
        mask(&mut text, b"hunter22");
        assert_eq!(text, b"*** hunter2 x******");
        mask(&mut text, b"");
        mask(&mut text, b"x");
        assert_eq!(text, b"*** hunter2 x******");
    }
}
