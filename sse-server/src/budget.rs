//! How much memory the bodies of requests may take together.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

/// What each body has for nothing: so whoever holds all of the rest with bodies that never end keeps
/// nobody from sending a few lines. The number of connections bounds it.
const FREE: usize = 4 << 10;

/// Bytes that are shared out among the bodies that are being read.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    /// A share of nothing yet.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { budget: self.clone(), taken: 0 }
    }

    fn take(&self, bytes: usize) -> bool {
        let take = |left: usize| left.checked_sub(bytes);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// What one body has of a [`Budget`]; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    taken: usize,
}

impl Share {
    /// Takes what a body of so many bytes needs beyond what it has; false if that is not left.
    #[must_use]
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(FREE).saturating_sub(self.taken);
        let is_left = self.budget.take(more);
        if is_left {
            self.taken += more;
        }
        is_left
    }

    /// Gives back all that it has.
    pub(crate) fn give_back(&mut self) {
        let taken = core::mem::take(&mut self.taken);
        self.budget.left.fetch_add(taken, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back_and_a_few_bytes_are_always_there() {
        let budget = Budget::new(1000);
        let (mut first, mut second) = (budget.share(), budget.share());
        assert!(first.grow_to(FREE) && first.grow_to(FREE + 600) && first.grow_to(FREE + 600));
        assert!(!second.grow_to(FREE + 401) && second.grow_to(FREE + 400));
        assert!(!first.grow_to(FREE + 601));
        assert!(budget.share().grow_to(FREE) && !budget.share().grow_to(usize::MAX));
        drop(first);
        assert!(second.grow_to(FREE + 1000));
        drop(second);
        assert!(budget.share().grow_to(FREE + 1000));
    }
}
