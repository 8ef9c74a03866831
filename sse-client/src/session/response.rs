//! Whether a response is an event stream: WHATWG HTML §9.2.2, the constructor's step on the response.

use alloc::string::String;
use core::time::Duration;

use super::{error::SessionError, refusal};

/// What a session must know of a response before its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ResponseHead<'a> {
    status: u16,
    content_type: Option<&'a [u8]>,
    content_encoding: Option<&'a [u8]>,
    retry_after: Option<Duration>,
    refusal: &'a [u8],
}

impl<'a> ResponseHead<'a> {
    /// A head with this status and no headers.
    pub const fn new(status: u16) -> Self {
        Self { status, content_type: None, content_encoding: None, retry_after: None, refusal: b"" }
    }

    /// The `Content-Type` header's value, byte for byte.
    pub const fn content_type(mut self, value: Option<&'a [u8]>) -> Self {
        self.content_type = value;
        self
    }

    /// The `Content-Encoding` header's value, if the body is still encoded so.
    pub const fn content_encoding(mut self, value: Option<&'a [u8]>) -> Self {
        self.content_encoding = value;
        self
    }

    /// The `Retry-After` header, as a time from now: a date is the driver's to subtract, since a
    /// session has no calendar.
    pub const fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// The beginning of the body of a response with an [error status](Self::is_refusal), without
    /// what must not be shown: the server's own words in it are told in place of a guess. What is not
    /// text or JSON, or is encoded, tells nothing. Some 4 KiB are enough, and less serves too: a
    /// driver waits for them no longer than people would.
    pub const fn refusal(mut self, body: &'a [u8]) -> Self {
        self.refusal = body;
        self
    }

    /// Whether `status` is one that neither an event stream has nor its end, so that the body may say
    /// why.
    pub const fn is_refusal(status: u16) -> bool {
        !matches!(status, 200 | 204)
    }

    /// "if res's status is not 200, or if res's `Content-Type` is not `text/event-stream`, then fail
    /// the connection."
    pub(super) fn check(self) -> Result<(), SessionError> {
        match self.status {
            200 => {}
            204 => return Err(SessionError::NoContent),
            status => {
                let said = match self.encoding() {
                    None => refusal::words(self.content_type, self.refusal),
                    Some(_) => None,
                };
                return Err(SessionError::Status { status, retry_after: self.retry_after, said });
            }
        }
        let essence = self.content_type.map(essence);
        if !essence.is_some_and(|found| found.eq_ignore_ascii_case(b"text/event-stream")) {
            return Err(SessionError::MediaType { found: essence.and_then(printable) });
        }
        match self.encoding() {
            None => Ok(()),
            Some(encoding) => Err(SessionError::ContentEncoding {
                found: printable(encoding).unwrap_or_default(),
            }),
        }
    }

    /// What the body is encoded in, if in anything.
    fn encoding(self) -> Option<&'a [u8]> {
        let encoding = self.content_encoding?.trim_ascii();
        let is_plain = encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity");
        (!is_plain).then_some(encoding)
    }
}

/// The media type without its parameters: a `charset` changes nothing, event streams are UTF-8.
pub(super) fn essence(content_type: &[u8]) -> &[u8] {
    let end = content_type.iter().position(|&byte| byte == b';').unwrap_or(content_type.len());
    content_type[..end].trim_ascii()
}

/// For an error message: short, lower case, and free of control characters.
fn printable(essence: &[u8]) -> Option<String> {
    const LONGEST: usize = 100;
    let text = String::from_utf8_lossy(&essence[..essence.len().min(LONGEST)]);
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    (!text.is_empty()).then(|| text.to_ascii_lowercase())
}
