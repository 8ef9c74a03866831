//! Single requests, for what is no watch: publishing, measuring.

use alloc::sync::Arc;
use core::{fmt, future::poll_fn, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use sse_client::session::SessionError;
use tokio::sync::mpsc;

use super::{
    exchange::{self, Template},
    fault, head,
    line::{Body, Line, Response},
};
use crate::{
    journal::turn::{Format, Phases},
    refusal,
    request::WatchRequest,
    state::{Failure, Fault},
    words,
};

/// As much of a refusal's body as is looked at.
const MOST_REFUSAL: usize = 64 << 10;

/// Sends a request as a watch would, and leaves the answer to the caller. Needs a tokio runtime.
///
/// Clones share what is trusted, and each has connections of its own.
pub struct Caller {
    template: Arc<Template>,
    secrets: Arc<Vec<String>>,
    line: Option<Line>,
}

/// A response whose body is still to be read.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    phases: Phases,
    secrets: Arc<Vec<String>>,
    body: Body,
}

/// Without what is secret.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("line", &self.line).finish_non_exhaustive()
    }
}

impl Clone for Caller {
    fn clone(&self) -> Self {
        Self {
            template: Arc::clone(&self.template),
            secrets: Arc::clone(&self.secrets),
            line: None,
        }
    }
}

impl Caller {
    /// Takes over all that is said of the request, but nothing about reconnecting or keeping.
    pub fn new(request: &WatchRequest) -> Self {
        Self { template: head::template(request), secrets: Arc::new(request.secrets()), line: None }
    }

    /// Sends the request over a new connection, which ends with the answer; redirects are followed.
    ///
    /// # Errors
    /// [`Failure`] says why there is no answer.
    pub async fn open(&self, last_event_id: &str) -> Result<Answer, Failure> {
        let id = Some(last_event_id).filter(|id| !id.is_empty());
        // Nobody wants to know of redirects.
        let (told, _) = mpsc::unbounded_channel();
        let response = self.template.send(id.map(|id| id.as_bytes().to_vec()), told).await;
        self.answer(response)
    }

    /// Sends the request with this body, over the connection of the request before where that is still
    /// open. No redirect is followed, since what is sent may take effect.
    ///
    /// # Errors
    /// [`Failure`] says why there is no answer. What was sent may have taken effect all the same.
    pub async fn post(&mut self, body: impl Into<Bytes>) -> Result<Answer, Failure> {
        let template = Arc::clone(&self.template);
        let response = template.post(&mut self.line, body.into()).await;
        self.answer(response)
    }

    fn answer(
        &self,
        response: Result<Response, sse_client::session::Failure>,
    ) -> Result<Answer, Failure> {
        let response = response.map_err(|failure| told(failure, &self.secrets))?;
        Ok(Answer {
            status: response.status,
            headers: response.headers,
            phases: response.phases,
            secrets: Arc::clone(&self.secrets),
            body: response.body,
        })
    }
}

impl Answer {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// How long the steps to it took.
    pub const fn phases(&self) -> Phases {
        self.phases
    }

    /// A header's value, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What its body is read as, if it is a stream that nothing encodes.
    pub fn format(&self) -> Option<Format> {
        let is_stream =
            self.status == StatusCode::OK && !self.headers.contains_key(header::CONTENT_ENCODING);
        self.header("content-type").and_then(Format::of_type).filter(|_| is_stream)
    }

    /// How long it asks to wait before the next request.
    pub fn retry_after(&self) -> Option<Duration> {
        exchange::retry_after(&self.headers)
    }

    /// The next bytes of the body; `None` at its announced end. Cancelling this loses nothing.
    ///
    /// # Errors
    /// [`Failure`] says how the connection broke.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let chunk = poll_fn(|cx| self.body.poll_chunk(cx)).await;
        chunk.transpose().map_err(|failure| told(failure, &self.secrets))
    }

    /// Up to `most` bytes of the body.
    ///
    /// # Errors
    /// [`Failure`] says how the connection broke.
    pub async fn bytes(&mut self, most: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        self.gather(most, &mut bytes).await?;
        Ok(bytes)
    }

    async fn gather(&mut self, most: usize, bytes: &mut Vec<u8>) -> Result<(), Failure> {
        while bytes.len() < most {
            let Some(chunk) = self.chunk().await? else { break };
            bytes.extend_from_slice(&chunk[..chunk.len().min(most - bytes.len())]);
        }
        Ok(())
    }

    /// What an answer that is a refusal says, with the server's own sentence where it has one.
    pub async fn refusal(mut self) -> Failure {
        let mut body = Vec::new();
        // What broke off may have said enough.
        let _ = self.gather(MOST_REFUSAL, &mut body).await;
        let mut body = String::from_utf8_lossy(&body).into_owned();
        for secret in self.secrets.iter() {
            body = body.replace(secret.as_str(), "***");
        }
        let mut sentence = format!("the server answered {}", self.status);
        if self.status.is_redirection() {
            sentence.push_str(", and sends the request elsewhere, which is not followed");
        } else if self.status.is_success() {
            sentence.push_str(", which is not what was asked for");
        }
        if let Some(said) = refusal::words(&body).filter(|_| !self.status.is_success()) {
            sentence.push_str(&format!(": “{said}”"));
        }
        let is_passing = matches!(self.status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504);
        let fault = if self.status.is_success() {
            Fault::Protocol
        } else if is_passing {
            Fault::Unavailable
        } else {
            Fault::Http
        };
        Failure { fault, sentence }
    }
}

fn told(failure: sse_client::session::Failure, secrets: &[String]) -> Failure {
    let error = SessionError::Transport(failure);
    Failure { fault: fault(&error), sentence: words::failure(&error, secrets) }
}
