//! To whom what is done is counted.

use alloc::sync::Arc;
use core::{fmt, net::IpAddr};

/// Somebody with a rate of their own: a user, or the network of an address.
///
/// ```
/// use sse_server_core::Principal;
///
/// let network = |address: &str| Principal::address(address.parse().unwrap());
/// assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"), "one /64");
/// assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
/// assert_ne!(Principal::user("ann"), Principal::user("bob"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(Kind);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    User(Arc<str>),
    Network(u128),
}

impl Principal {
    /// A user, as the application knows them.
    pub fn user(id: impl Into<Arc<str>>) -> Self {
        Self(Kind::User(id.into()))
    }

    /// Whoever comes from an address. Of IPv6, a /64 counts as one, since whoever has one address
    /// has them all.
    pub fn address(address: IpAddr) -> Self {
        Self(Kind::Network(network(address)))
    }

    pub(super) const fn whose(&self) -> Whose {
        match self.0 {
            Kind::User(_) => Whose::User,
            Kind::Network(_) => Whose::Address,
        }
    }
}

/// Of which kind a [`Principal`] is that holds too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Whose {
    /// A user.
    User,
    /// An address, or of IPv6 a /64.
    Address,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Address => "address",
        })
    }
}

/// What counts as one address.
pub(super) fn network(address: IpAddr) -> u128 {
    match address {
        // The same host by either family is one.
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => v6.to_bits(),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}
