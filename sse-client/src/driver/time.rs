//! The session's time on tokio's clock.

use alloc::boxed::Box;
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use sse_codec::time::Instant;
use tokio::time::{Instant as TokioInstant, Sleep, sleep_until};

/// Counts from when it is first asked, so that time-outs begin when somebody polls.
#[derive(Debug, Default)]
pub(super) struct Clock {
    origin: Option<TokioInstant>,
}

impl Clock {
    pub(super) fn now(&mut self) -> Instant {
        let now = TokioInstant::now();
        Instant::from_origin(now - *self.origin.get_or_insert(now))
    }

    /// `None`: later than the clock can say.
    fn at(&self, instant: Instant) -> Option<TokioInstant> {
        self.origin?.checked_add(instant.since_origin())
    }
}

/// One timer, armed anew only when the deadline moved.
#[derive(Debug, Default)]
pub(super) struct Timer {
    armed_for: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Ready at `deadline`; the task is woken then.
    pub(super) fn poll(
        &mut self,
        deadline: Instant,
        clock: &Clock,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(at) = clock.at(deadline) else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| {
            self.armed_for = Some(deadline);
            Box::pin(sleep_until(at))
        });
        if self.armed_for != Some(deadline) {
            self.armed_for = Some(deadline);
            sleep.as_mut().reset(at);
        }
        ready!(sleep.as_mut().poll(cx));
        // The same deadline again is another wait.
        self.armed_for = None;
        Poll::Ready(())
    }
}
