//! One HTTP client for many event sources.

use core::fmt;

use reqwest::{Client, ClientBuilder};

use super::BuildError;

/// An HTTP client that many event sources share, with its connections, certificates and name
/// resolution: see [`Builder::shared_client`](super::Builder::shared_client). Cloning it is cheap.
///
/// Over HTTP/2 all streams to one origin share one connection.
///
/// ```no_run
/// use sse_client::{EventSource, HttpClient};
///
/// # fn main() -> Result<(), sse_client::BuildError> {
/// let client = HttpClient::new(reqwest::Client::builder())?;
/// let feeds = ["a", "b"].map(|name| {
///     let url = format!("https://example.org/events/{name}");
///     EventSource::builder(url).shared_client(&client).open()
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpClient(Client);

impl HttpClient {
    /// Builds the client. Of the builder's settings the redirect policy is replaced: see
    /// [`Builder::client`](super::Builder::client), also for what not to set.
    ///
    /// # Errors
    /// [`BuildError::Client`] if the settings do not go together.
    pub fn new(builder: ClientBuilder) -> Result<Self, BuildError> {
        let client = builder.redirect(reqwest::redirect::Policy::none()).build();
        Ok(Self(client.map_err(BuildError::Client)?))
    }

    pub(super) fn into_inner(self) -> Client {
        self.0
    }
}

/// Shows nothing: its default headers may be secrets.
impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}
