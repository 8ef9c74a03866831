//! What of an error is for logs: all but what a server wrote, which may repeat a secret that was sent to it.

use core::fmt;

use super::error::SessionError;

/// As derived, with the length of a body instead of the body: see [`body`](SessionError::body) for that.
impl fmt::Debug for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(failure) => f.debug_tuple("Transport").field(failure).finish(),
            Self::Status { place, status, retry_after, granted, body } => f
                .debug_struct("Status")
                .field("place", place)
                .field("status", status)
                .field("retry_after", retry_after)
                .field("granted", granted)
                .field("body", &Length(body))
                .finish(),
            Self::NoContent => f.write_str("NoContent"),
            Self::MediaType { place, found, body } => f
                .debug_struct("MediaType")
                .field("place", place)
                .field("found", found)
                .field("body", &Length(body))
                .finish(),
            Self::ContentEncoding { place, found } => f
                .debug_struct("ContentEncoding")
                .field("place", place)
                .field("found", found)
                .finish(),
            Self::Ended => f.write_str("Ended"),
            Self::ResponseTimeout(time) => f.debug_tuple("ResponseTimeout").field(time).finish(),
            Self::FirstByteTimeout(time) => f.debug_tuple("FirstByteTimeout").field(time).finish(),
            Self::IdleTimeout(time) => f.debug_tuple("IdleTimeout").field(time).finish(),
            Self::GaveUp { attempts, last } => {
                f.debug_struct("GaveUp").field("attempts", attempts).field("last", last).finish()
            }
        }
    }
}

struct Length<'a>(&'a str);

impl fmt::Debug for Length<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}
