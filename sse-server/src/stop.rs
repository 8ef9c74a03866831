//! The word to stop, for very many who wait for it and seldom look.

use core::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, futures::Notified};

/// Said once, to all who wait and will wait.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    is_said: AtomicBool,
    word: Notify,
}

impl Stop {
    pub(crate) fn say(&self) {
        self.is_said.store(true, Ordering::SeqCst);
        self.word.notify_waiters();
    }

    /// Cheap, where [`word`](Self::word) takes a lock.
    pub(crate) fn is_said(&self) -> bool {
        self.is_said.load(Ordering::SeqCst)
    }

    /// Waits for it.
    pub(crate) async fn wait(&self) {
        let word = self.word();
        if !self.is_said() {
            word.await;
        }
    }

    /// Wakes whoever polls it, once.
    pub(crate) fn word(&self) -> Notified<'_> {
        self.word.notified()
    }
}
