//! Names of pages' origins and of hosts, in the one form in which browsers say them.

use core::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// The origin of pages: scheme, host and port.
///
/// It is kept as a browser says it in the header `Origin`, so that one that was read can match: in
/// lower case, without a `/` at its end, and without the scheme's usual port.
///
/// ```
/// use sse_server::Origin;
///
/// let shop: Origin = "HTTPS://Shop.example:443/".parse()?;
/// assert_eq!(shop.as_str(), "https://shop.example");
/// let mistake = "shop.example".parse::<Origin>().unwrap_err();
/// assert!(mistake.to_string().contains("write https://shop.example"));
/// # Ok::<(), sse_server::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

impl Origin {
    /// As a browser says it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        match text {
            "*" => return Err(InvalidOrigin::Wildcard),
            "null" => return Err(InvalidOrigin::Null),
            _ => {}
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(InvalidOrigin::NoScheme { text: text.to_owned() });
        };
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !is_scheme {
            return Err(InvalidOrigin::NoScheme { text: rest.to_owned() });
        }
        let scheme = scheme.to_ascii_lowercase();
        if scheme == "file" {
            return Err(InvalidOrigin::Null);
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if let Some(at) = authority.find(['/', '?', '#']) {
            let origin = format!("{scheme}://{}", &authority[..at]);
            return Err(InvalidOrigin::Path { origin });
        }
        let (host, port) = split_port(authority);
        let host = host.parse::<HostName>().map_err(InvalidOrigin::Host)?;
        let port = port.filter(|port| !port.is_empty()).map(|port| {
            let number = port.parse::<u16>().ok().filter(|_| !port.starts_with('+'));
            number.ok_or_else(|| InvalidOrigin::Port { port: port.to_owned() })
        });
        let usual = match &*scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Ok(Self(match port.transpose()?.filter(|&port| Some(port) != usual) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a host, as a request's `Host` says it, without its port: in lower case, an address of
/// IPv6 in brackets.
///
/// ```
/// use sse_server::HostName;
///
/// assert_eq!("Hub.example".parse::<HostName>()?.as_str(), "hub.example");
/// assert!("hub.example:8080".parse::<HostName>().is_err());
/// # Ok::<(), sse_server::InvalidHost>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(String);

impl HostName {
    /// As a request says it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse::<Ipv6Addr>() {
            return Ok(Self(format!("[{}]", as_browsers_write(address))));
        }
        if text.contains("://") {
            return Err(InvalidHost::Url { text: text.to_owned() });
        }
        if let (host, Some(_)) = split_port(text) {
            return Err(InvalidHost::Port { host: host.to_owned() });
        }
        if let Some(character) = text.chars().find(|&c| !is_of_name(c)) {
            return Err(InvalidHost::Character { character });
        }
        if text.is_empty() || text.starts_with('.') || text.contains("..") {
            return Err(InvalidHost::Empty);
        }
        // A browser reads whatever ends in a number as an address, and says it in full.
        let last = text.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        let is_numeric = last.starts_with(|c: char| c.is_ascii_digit())
            && (last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x"));
        if is_numeric && text.parse::<Ipv4Addr>().is_err() {
            return Err(InvalidHost::Address { text: text.to_owned() });
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// In the URL standard's form, which has no IPv4 in it.
fn as_browsers_write(address: Ipv6Addr) -> String {
    match (address.segments(), address.to_ipv4_mapped()) {
        ([.., high, low], Some(_)) => format!("::ffff:{high:x}:{low:x}"),
        _ => address.to_string(),
    }
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')
}

/// What stands before the last colon, unless that is one within brackets, and what after it.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Why a text is no origin that a browser says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOrigin {
    /// It does not begin with a scheme.
    #[error("an origin begins with its scheme: write https://{text}, say")]
    NoScheme {
        /// What was given.
        text: String,
    },
    /// There is something behind the port.
    #[error("an origin is a scheme, a host and a port, and has no path: write {origin}")]
    Path {
        /// What may have been meant.
        origin: String,
    },
    /// No port.
    #[error("the port {port:?} is none: write a number below 65536, or leave it out")]
    Port {
        /// What was given.
        port: String,
    },
    /// A host that no browser says.
    #[error(transparent)]
    Host(InvalidHost),
    /// `*`.
    #[error(
        "* would let any page read and publish: name each origin, such as https://shop.example"
    )]
    Wildcard,
    /// `null`, or one of files.
    #[error(
        "pages of files and sandboxes all say they are of null, whosever they are: \
         serve the page from a host, and name that, such as http://localhost:3000"
    )]
    Null,
}

/// Why a text is no name of a host that a browser says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHost {
    /// No bytes, or a dot too many.
    #[error("the host is empty, or has a dot too many: write one such as hub.example")]
    Empty,
    /// A URL.
    #[error("{text} is a URL; here only its host is needed: write one such as hub.example")]
    Url {
        /// What was given.
        text: String,
    },
    /// With a port.
    #[error("a host is allowed at whatever port it is asked for: write {host}")]
    Port {
        /// What stands before the port.
        host: String,
    },
    /// What no browser sends in a host.
    #[error(
        "a host has no {character:?}: write letters, digits, dots and hyphens, and other alphabets \
         as browsers send them (xn--…)"
    )]
    Character {
        /// Which.
        character: char,
    },
    /// An address that a browser says otherwise.
    #[error("{text} ends in a number and is no address: write all four, such as 127.0.0.1")]
    Address {
        /// What was given.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_a_browser_says_it() {
        for (text, said) in [
            ("https://shop.example", "https://shop.example"),
            ("https://shop.example/", "https://shop.example"),
            ("HTTPS://Shop.Example:443/", "https://shop.example"),
            ("http://shop.example:80", "http://shop.example"),
            ("http://shop.example:443", "http://shop.example:443"),
            ("https://shop.example:08443", "https://shop.example:8443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
            ("http://[::1]:80", "http://[::1]"),
            ("http://[0:0::1]:81", "http://[::1]:81"),
            ("http://[::ffff:127.0.0.1]:81", "http://[::ffff:7f00:1]:81"),
            ("http://[::FFFF:0:0]", "http://[::ffff:0:0]"),
            ("http://[64:ff9b::1.2.3.4]", "http://[64:ff9b::102:304]"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
            ("tauri://localhost", "tauri://localhost"),
            ("chrome-extension://abcdefg", "chrome-extension://abcdefg"),
        ] {
            assert_eq!(text.parse::<Origin>().map(|it| it.to_string()), Ok(said.to_owned()));
        }
    }

    #[test]
    fn what_no_browser_says_is_refused_with_what_to_write() {
        for (text, advice) in [
            ("foo", "write https://foo"),
            ("shop.example:443", "write https://shop.example:443"),
            ("//shop.example", "write https://"),
            ("://shop.example", "write https://shop.example"),
            ("https://shop.example/cart", "write https://shop.example"),
            ("https://shop.example?x", "write https://shop.example"),
            ("https://shop.example:x", "write a number"),
            ("https://shop.example:70000", "write a number"),
            ("https://shop.example:+1", "write a number"),
            ("https://ann@shop.example", "has no '@'"),
            ("https://*.shop.example", "has no '*'"),
            ("https://bücher.example", "xn--"),
            ("https://shop example", "has no ' '"),
            ("https://", "such as hub.example"),
            ("https://a..b", "such as hub.example"),
            ("http://127.1", "such as 127.0.0.1"),
            ("*", "name each origin"),
            ("null", "name that"),
            ("file:///", "name that"),
            ("", "write https://"),
        ] {
            let said = text.parse::<Origin>().map_err(|error| error.to_string());
            assert!(said.as_ref().is_err_and(|error| error.contains(advice)), "{text}: {said:?}");
        }
        for (text, advice) in [
            ("hub.example:8080", "write hub.example"),
            ("http://hub.example", "only its host"),
            ("hub/x", "has no '/'"),
            ("", "such as hub.example"),
        ] {
            let said = text.parse::<HostName>().map_err(|error| error.to_string());
            assert!(said.as_ref().is_err_and(|error| error.contains(advice)), "{text}: {said:?}");
        }
        assert_eq!("::1".parse::<HostName>().map(|it| it.to_string()), Ok("[::1]".into()));
    }
}
