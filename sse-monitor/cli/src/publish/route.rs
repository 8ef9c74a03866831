//! Where events are sent to.

/// A hub's way of taking events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `POST /publish`: JSON that says whom it is for.
    Json { url: String },
    /// `POST /events/{topic}`: the body is the data.
    Raw { url: String },
}

impl Route {
    /// By the path of a URL as somebody typed it; the error is a sentence.
    pub(crate) fn of(typed: &str) -> Result<Self, String> {
        let typed = typed.trim();
        let (start, rest) = typed.split_at(typed.find("://").map_or(0, |at| at + 3));
        let (rest, fragment) = rest.split_at(rest.find('#').unwrap_or(rest.len()));
        let (rest, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return Ok(Self::Json { url: format!("{start}{host}/publish{query}{fragment}") });
        }
        let url = typed.to_owned();
        let is_raw = path.rsplit_once('/').is_some_and(|(before, _)| before.ends_with("/events"));
        if path.ends_with("/publish") {
            Ok(Self::Json { url })
        } else if is_raw {
            Ok(Self::Raw { url })
        } else if let Some(base) = path.strip_suffix("/events") {
            // It is told, and a name or password is not.
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            let route = if base.is_empty() { String::new() } else { format!("{base}/publish") };
            Err(format!(
                "a hub sends events at {path}, and takes them at {base}/publish: give {start}{host}{route}"
            ))
        } else {
            Err(format!(
                "a hub takes events at /publish or /events/TOPIC, not at {path}; give its address \
                 alone, such as http://127.0.0.1:8080"
            ))
        }
    }

    /// The URL to post to; of a raw body the type stands in its query.
    pub(crate) fn url(&self, event: Option<&str>) -> String {
        match (self, event) {
            (Self::Raw { url }, Some(event)) => {
                let joint = if url.contains('?') { '&' } else { '?' };
                format!("{url}{joint}event={}", encoded(event))
            }
            (Self::Raw { url } | Self::Json { url }, _) => url.clone(),
        }
    }

    pub(crate) const fn media_type(&self) -> &'static str {
        match self {
            Self::Json { .. } => "application/json",
            Self::Raw { .. } => "text/plain; charset=utf-8",
        }
    }
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_says_how_events_are_taken() {
        for (typed, url) in [
            ("http://a:1", "http://a:1/publish"),
            (" http://a/ ", "http://a/publish"),
            ("http://a/?k=v", "http://a/publish?k=v"),
            ("http://a/hub/publish?k=v", "http://a/hub/publish?k=v"),
        ] {
            assert_eq!(Route::of(typed), Ok(Route::Json { url: url.into() }));
        }
        let raw = Route::of("http://a/events/b?x=y").unwrap();
        assert_eq!(raw.url(Some("c d")), "http://a/events/b?x=y&event=c%20d");
        let told = |typed| Route::of(typed).unwrap_err();
        assert!(told("http://a:1/events?topic=b").ends_with("give http://a:1"));
        assert!(told("http://a/hub/events").ends_with("give http://a/hub/publish"));
        assert!(told("http://me:secret@a/events").ends_with("give http://a"));
        assert!(told("http://a/other").contains("not at /other"));
    }
}
