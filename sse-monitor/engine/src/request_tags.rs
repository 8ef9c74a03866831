//! Numbers by which requests can be told apart that are shown alike.

use http::Method;

use crate::{masked::shown_url, request::WatchRequest};

impl WatchRequest {
    /// A number that is, but for chance, another where the secrets in the [URL](Self::url) are others;
    /// `None` where there are none. The same in each run, and too short to tell a secret by.
    ///
    /// ```
    /// use sse_monitor_engine::WatchRequest;
    ///
    /// let request = |url| WatchRequest::new(url);
    /// let alice = request("http://127.0.0.1/?token=alice")?;
    /// assert_ne!(alice.secrets_tag(), request("http://127.0.0.1/?token=bob")?.secrets_tag());
    /// assert_eq!(request("http://127.0.0.1/")?.secrets_tag(), None);
    /// # Ok::<(), sse_monitor_engine::RequestError>(())
    /// ```
    pub fn secrets_tag(&self) -> Option<u32> {
        let mut url = self.url.clone();
        // It is never sent.
        url.set_fragment(None);
        let url = url.as_str();
        (shown_url(url) != url).then(|| tag(&[url.as_bytes()]))
    }

    /// A number that is, but for chance, another where another method or body is sent; `None` for a GET
    /// without a body. The same in each run.
    ///
    /// ```
    /// use sse_monitor_engine::WatchRequest;
    ///
    /// let request = WatchRequest::new("http://127.0.0.1/")?;
    /// assert_eq!(request.body_tag(), None);
    /// assert_ne!(request.clone().body("a").body_tag(), request.body("b").body_tag());
    /// # Ok::<(), sse_monitor_engine::RequestError>(())
    /// ```
    pub fn body_tag(&self) -> Option<u32> {
        let body = self.body.as_deref();
        let is_plain = self.method == Method::GET && body.is_none();
        let method = self.method.as_str().as_bytes();
        (!is_plain).then(|| tag(&[method, body.unwrap_or_default()]))
    }
}

/// FNV-1a, folded: for telling apart, never for hiding. The parts' lengths are hashed too.
fn tag(parts: &[&[u8]]) -> u32 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash = parts.iter().fold(BASIS, |hash, part| {
        let length = (part.len() as u64).to_le_bytes();
        let bytes = length.iter().chain(part.iter());
        bytes.fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
    });
    (hash >> 32) as u32 ^ hash as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_stay_as_they_are_from_release_to_release() {
        let request = WatchRequest::new("http://me:pw@127.0.0.1/?token=t#x").unwrap();
        assert_eq!(request.secrets_tag(), Some(0x60f0_5047));
        let moved = WatchRequest::new("http://me:pw@127.0.0.1/?token=t#y").unwrap();
        assert_eq!(request.secrets_tag(), moved.secrets_tag());
        assert_eq!(request.body_tag(), None);
        assert_eq!(request.body("a").body_tag(), Some(0x5b97_99dc));
    }
}
