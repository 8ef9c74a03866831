//! One HTTP client for many event sources.

use alloc::sync::Arc;
use core::{fmt, time::Duration};

use reqwest::{Client, ClientBuilder};

use super::{BuildError, told::Told};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// HTTP/2's own default: as much as events need, and what a stream that nobody reads may hold.
const STREAM_WINDOW: u32 = 64 << 10;

/// More than all streams of a connection can fill.
const CONNECTION_WINDOW: u32 = 1 << 30;

/// Often enough to be done before an idle time-out that suits a heartbeat of 15 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// An HTTP client that many event sources share, with its connections, certificates and name
/// resolution: see [`Builder::shared_client`](super::Builder::shared_client). Cloning it is cheap.
///
/// Made of a [`ClientBuilder`] with the settings that streams need:
///
/// | setting | here | since |
/// |---|---|---|
/// | `connect_timeout` | 30 s | with TLS; how long the answer may take is the policy's affair |
/// | `http1_only` | on | each stream has a connection of its own, so that none can starve another |
/// | HTTP/2 windows | 64 KiB a stream, 1 GiB a connection | a reader that pauses stops no other |
/// | HTTP/2 keep-alive | every 15 s, gone after 15 s | a dead connection must not be asked again |
///
/// HTTP/2 is for those who ask for it by `http2_prior_knowledge`. All streams to one origin then share
/// one connection: its end is the end of them all, and of more streams than the server allows at once
/// (often 100) the rest wait, without an error, until others end.
///
/// ```no_run
/// use sse_client::{EventSource, HttpClient};
///
/// # fn main() -> Result<(), sse_client::BuildError> {
/// let client = HttpClient::new(|client| client.tcp_nodelay(true))?;
/// let feeds = ["a", "b"].map(|name| {
///     let url = format!("https://example.org/events/{name}");
///     EventSource::builder(url).shared_client(&client).open()
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpClient {
    client: Client,
    told: Arc<Told>,
}

impl HttpClient {
    /// Builds the client, with the caller's settings over those above. The redirect policy is replaced, and
    /// so are the settings on compression: see [`Builder::client`](super::Builder::client), also for what not
    /// to set.
    ///
    /// # Errors
    /// [`BuildError::Client`] if the settings do not go together.
    pub fn new(settings: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Self, BuildError> {
        Self::build(settings(for_streams()))
    }

    pub(super) fn build(builder: ClientBuilder) -> Result<Self, BuildError> {
        // It counts nothing that it decompresses, and takes away the header that says so.
        let builder = builder.no_gzip().no_brotli().no_zstd().no_deflate();
        let client = builder.redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(BuildError::Client)?;
        let told = Arc::new(Told::by(&client));
        Ok(Self { client, told })
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) const fn told(&self) -> &Arc<Told> {
        &self.told
    }
}

/// What streams need, before the caller's own settings.
pub(super) fn for_streams() -> ClientBuilder {
    ClientBuilder::new()
        .connect_timeout(CONNECT_TIMEOUT)
        .http1_only()
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(KEEP_ALIVE)
}

/// Shows nothing: its default headers may be secrets.
impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}
