//! Who comes.

use alloc::sync::Arc;
use core::net::IpAddr;

use super::Principal;
use crate::selector::Selector;

/// Somebody at the door.
///
/// ```
/// use sse_server_core::{Selector, Visitor};
///
/// let visitor = Visitor::new([Selector::new("prices.*")?])
///     .user("ann")
///     .token("8f1c")
///     .address("2001:db8::1".parse().unwrap());
/// # let _ = visitor;
/// # Ok::<(), sse_server_core::InvalidTopic>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Visitor {
    pub(super) user: Option<Arc<str>>,
    pub(super) token: Option<Arc<str>>,
    pub(super) address: Option<IpAddr>,
    pub(super) selectors: Arc<[Selector]>,
}

impl Visitor {
    /// Somebody of whom nothing is known but what they want to read.
    pub fn new(selectors: impl IntoIterator<Item = Selector>) -> Self {
        Self { selectors: selectors.into_iter().collect(), ..Self::default() }
    }

    /// Sets who they are.
    pub fn user(mut self, id: impl Into<Arc<str>>) -> Self {
        self.user = Some(id.into());
        self
    }

    /// Sets the id of the token by which that is known, so that all that came by it can be ended.
    pub fn token(mut self, id: impl Into<Arc<str>>) -> Self {
        self.token = Some(id.into());
        self
    }

    /// Sets whence they come.
    pub const fn address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// To whom it is counted that they come.
    pub(super) fn principals(&self) -> impl Iterator<Item = Principal> {
        let user = self.user.as_ref().map(|user| Principal::user(user.clone()));
        user.into_iter().chain(self.address.map(Principal::address))
    }
}
