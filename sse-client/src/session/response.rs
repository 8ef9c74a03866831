//! Whether a response is an event stream: WHATWG HTML §9.2.2, the constructor's step on the response.

use alloc::{boxed::Box, string::String};
use core::time::Duration;

use super::error::{LONGEST_WAIT, SessionError};

/// What a session must know of a response before its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ResponseHead<'a> {
    place: &'a str,
    status: u16,
    content_type: Option<&'a [u8]>,
    content_encoding: Option<&'a [u8]>,
    retry_after: Option<Duration>,
}

impl<'a> ResponseHead<'a> {
    /// A head with this status and no headers.
    pub const fn new(status: u16) -> Self {
        Self {
            place: "the server",
            status,
            content_type: None,
            content_encoding: None,
            retry_after: None,
        }
    }

    /// Who answered, as the subject of a sentence, such as "example.org:443, after a redirect,". Without
    /// it, "the server".
    pub const fn place(mut self, place: &'a str) -> Self {
        self.place = place;
        self
    }

    /// The `Content-Type` header's value, byte for byte; of several headers the values with commas
    /// between them.
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

    /// "if res's status is not 200, or if res's `Content-Type` is not `text/event-stream`, then fail
    /// the connection."
    ///
    /// `bound`: how long it may ask to wait.
    pub(super) fn check(self, bound: Option<Duration>) -> Result<(), SessionError> {
        let place = || Box::from(self.place);
        match self.status {
            200 => {}
            204 => return Err(SessionError::NoContent),
            status => {
                let retry_after = self.retry_after.map(|asked| asked.min(LONGEST_WAIT));
                let granted = bound.filter(|bound| retry_after.is_some_and(|asked| asked > *bound));
                let (place, body) = (place(), Box::default());
                return Err(SessionError::Status { place, status, retry_after, granted, body });
            }
        }
        let essence = self.content_type.and_then(essence);
        if !essence.is_some_and(|found| found.eq_ignore_ascii_case(b"text/event-stream")) {
            let found = essence.and_then(printable);
            return Err(SessionError::MediaType { place: place(), found, body: Box::default() });
        }
        match self.encoding() {
            None => Ok(()),
            Some(encoding) => {
                let found = printable(encoding).unwrap_or_default();
                Err(SessionError::ContentEncoding { place: place(), found })
            }
        }
    }

    /// Whether there may be a body, in words.
    pub(super) fn may_say_why(self) -> bool {
        self.status != 204 && self.encoding().is_none()
    }

    fn encoding(self) -> Option<&'a [u8]> {
        let encoding = self.content_encoding?.trim_ascii();
        (!encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity")).then_some(encoding)
    }
}

/// The media type without its parameters: a `charset` changes nothing, event streams are UTF-8.
///
/// Where there are several, as of a header that a proxy has sent again, the last that is one counts:
/// "extract a MIME type" of the Fetch standard.
fn essence(content_type: &[u8]) -> Option<&[u8]> {
    let mut is_quoted = false;
    let types = content_type.split(|&byte| {
        is_quoted ^= byte == b'"';
        byte == b',' && !is_quoted
    });
    let mut found = None;
    for one in types {
        let essence = one.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let is_type = essence.contains(&b'/') && essence != b"*/*";
        if is_type || (found.is_none() && !essence.is_empty()) {
            found = Some(essence);
        }
    }
    found
}

/// For an error message: short, lower case, and free of control characters.
fn printable(essence: &[u8]) -> Option<String> {
    const LONGEST: usize = 100;
    let text = String::from_utf8_lossy(&essence[..essence.len().min(LONGEST)]);
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    (!text.is_empty()).then(|| text.to_ascii_lowercase())
}
