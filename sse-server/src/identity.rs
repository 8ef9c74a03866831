//! Who sends a request, as far as somebody we trust has said.

use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Request, StatusCode};
use sse_server_core::Principal;

use crate::{config::RoutesConfig, grant::Grant, respond::Refusal};

/// The user on whose behalf a request comes: put into its extensions by the application's own
/// middleware, which has seen to it that they are who they say.
///
/// Their streams get what is published to them (`POST /notify`, or
/// [`Topic::user`](crate::Topic::user)), wherever they subscribe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User(pub Arc<str>);

impl User {
    /// The user with this ID.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }
}

/// The other end of a request's connection: put into its extensions by whoever accepted it, for
/// the limits an address. [`Server`](crate::Server) does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// What is known of whoever sends a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    pub(crate) user: Option<Arc<str>>,
    pub(crate) address: Option<IpAddr>,
    /// What it may do, where that is said.
    pub(crate) grant: Option<Grant>,
}

impl Identity {
    pub(crate) fn of<B>(request: &Request<B>, config: &RoutesConfig) -> Result<Self, Refusal> {
        let extensions = request.extensions();
        let grant = extensions.get::<Grant>().cloned();
        let mut user = extensions.get::<User>().map(|user| user.0.clone());
        if let Some(grant) = &grant {
            user = grant.of().cloned().or(user);
        } else if let Some(name) = &config.user_header {
            let mut values = request.headers().get_all(name).iter();
            if let Some(value) = values.next() {
                let text = value.to_str().ok().filter(|_| values.next().is_none());
                let text = text.ok_or_else(|| {
                    Refusal::bad_request(format_args!("the header {name} must name one user"))
                })?;
                user = Some(text.into());
            }
        }
        let mut address = extensions.get::<PeerAddress>().map(|peer| peer.0);
        if config.forwarded {
            address = forwarded(request.headers()).or(address);
        }
        Ok(Self { user, address, grant })
    }

    /// Refuses who comes without a grant where there must be one.
    pub(crate) fn check_granted(&self, config: &RoutesConfig) -> Result<(), Refusal> {
        if config.grants_only && self.grant.is_none() {
            let reason = "nothing says what this request may do; log in, or come with a ticket";
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, reason));
        }
        Ok(())
    }

    /// To whom what is published is counted.
    pub(crate) fn principal(&self) -> Option<Principal> {
        let user = self.user.as_deref().map(Principal::user);
        user.or_else(|| self.address.map(Principal::address))
    }
}

/// The address that the proxy next to us saw.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    address_in(last.to_str().ok()?.rsplit(',').next()?.trim())
}

/// Some proxies add the port, and put addresses of IPv6 in brackets.
fn address_in(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_a_port_and_in_brackets() {
        for (text, address) in [
            ("203.0.113.7", Some("203.0.113.7")),
            ("203.0.113.7:5678", Some("203.0.113.7")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:5678", Some("2001:db8::1")),
            ("unknown", None),
            ("203.0.113.7:", None),
            ("", None),
        ] {
            assert_eq!(address_in(text), address.and_then(|it| it.parse().ok()), "{text}");
        }
    }
}
