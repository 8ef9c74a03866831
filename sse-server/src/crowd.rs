//! How many connections each address has.

use alloc::sync::Arc;
use core::net::IpAddr;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
};

use sse_server_core::Principal;

/// The connections that are open, by address; of IPv6 by /64.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crowd(Arc<Mutex<HashMap<Principal, usize>>>);

/// One connection's, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Crowd,
    of: Principal,
}

impl Crowd {
    /// A place for one more of an address, unless it has `max`.
    pub(crate) fn place(&self, address: IpAddr, max: usize) -> Option<Place> {
        let of = Principal::address(address);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(of.clone()).or_insert(0);
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place { crowd: self.clone(), of })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = open.entry(self.of.clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_gives_them_back() {
        let crowd = Crowd::default();
        let place = |address: &str| crowd.place(address.parse().expect("an address"), 2);
        let first = place("192.0.2.1").expect("the first");
        let _second = place("::ffff:192.0.2.1").expect("the second");
        assert!(place("192.0.2.1").is_none());
        let other = place("192.0.2.2");
        assert!(other.is_some());
        drop(first);
        assert!(place("192.0.2.1").is_some(), "and gone again");
        drop(other);
        assert_eq!(crowd.0.lock().expect("nothing panics").len(), 1);
    }
}
