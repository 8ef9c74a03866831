//! Subscribers: a cursor and a few topic numbers each, in a generational slab.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use sse_codec::time::Instant;

use crate::{
    cursor::{Epoch, ResetReason},
    event::HistoryPage,
    output::{FetchId, SubscriberId},
    words::Told,
};

/// One subscriber. There may be a million, so what only few of them need is boxed.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) phase: Phase,
    /// What it was told last: everything of its topics up to here is written.
    pub(crate) cursor: u64,
    pub(crate) topics: Topics,
    /// When it last made progress, in milliseconds: a write, or the first thing to write.
    pub(crate) touched: u64,
    /// When its grant is over, in milliseconds.
    pub(crate) expires: Option<core::num::NonZeroU64>,
    pub(crate) control: Control,
    /// It was named by `poll_ready` or will be, and has not been found with nothing to read since.
    pub(crate) pending: bool,
    pub(crate) pace: Pace,
    /// To be closed once it has read all there is.
    pub(crate) closing: bool,
}

/// What its distance from the head means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It has been at the head since it came: its lag is slowness.
    Live,
    /// It resumed and has not reached the head: its lag is history.
    CatchingUp,
    /// It asked for all that is kept and has read none of it: what is not kept is no gap.
    FromEarliest,
}

#[derive(Debug)]
pub(crate) enum Phase {
    /// Its cursor lies in the window, or past it.
    Live,
    /// It reads pages until its cursor lies in the window.
    Replaying(Box<Replay>),
}

#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) fetch: FetchId,
    /// `None` until the store has answered.
    pub(crate) page: Option<Arc<HistoryPage>>,
}

/// Frames of its own that come before all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Control {
    pub(crate) opening: Option<Opening>,
    pub(crate) reset: Option<ResetReason>,
    pub(crate) retry: bool,
    pub(crate) heartbeat: Option<Heartbeat>,
    /// There are words on presence that it has not been told.
    pub(crate) presence: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// `connected` carries the id of the head, so that a client cut before its first event resumes.
    Fresh,
    Resumed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heartbeat {
    Comment,
    /// The head has moved past what the client knows, by nothing of its topics.
    Id,
}

/// What [`Hub::next_frames`](crate::Hub::next_frames) gave, to be confirmed once it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a subscriber gets the same frames until this is confirmed by `handle_written`"]
pub struct Written {
    pub(crate) epoch: Epoch,
    /// Where the cursor stood, and where it goes.
    pub(crate) from: u64,
    pub(crate) upto: u64,
    pub(crate) control: Control,
    pub(crate) words: Option<Told>,
    pub(crate) events: u32,
    pub(crate) bytes: usize,
}

impl Written {
    /// How many bytes there are.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Control {
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Takes off what was written, unless it has changed meanwhile, words apart. A reset stands for the place
    /// that it was written for.
    pub(crate) fn written(&mut self, written: Self, in_place: bool) {
        if self.opening == written.opening {
            self.opening = None;
        }
        if in_place && self.reset == written.reset {
            self.reset = None;
        }
        if self.heartbeat == written.heartbeat {
            self.heartbeat = None;
        }
        self.retry &= !written.retry;
    }
}

/// The topics of a subscription, with its place among each one's subscribers.
///
/// Two are the usual: what was asked for, and what is the user's own.
#[derive(Debug)]
pub(crate) enum Topics {
    One(Seat),
    Two([Seat; 2]),
    Many(Box<[Seat]>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) topic: u32,
    pub(crate) place: u32,
}

impl Topics {
    pub(crate) fn seats(&self) -> &[Seat] {
        match self {
            Self::One(seat) => core::slice::from_ref(seat),
            Self::Two(seats) => seats,
            Self::Many(seats) => seats,
        }
    }

    pub(crate) fn seats_mut(&mut self) -> &mut [Seat] {
        match self {
            Self::One(seat) => core::slice::from_mut(seat),
            Self::Two(seats) => seats,
            Self::Many(seats) => seats,
        }
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + Clone {
        self.seats().iter().map(|seat| seat.topic)
    }
}

impl From<Vec<Seat>> for Topics {
    fn from(seats: Vec<Seat>) -> Self {
        match seats[..] {
            [seat] => Self::One(seat),
            [first, second] => Self::Two([first, second]),
            _ => Self::Many(seats.into()),
        }
    }
}

/// Subscribers by name, and the list of those that have something to read.
///
/// The list runs through the slots, so that a million that become ready at once cost no
/// allocation. A subscriber that leaves while on it leaves its slot behind as a stepping stone,
/// to be used again once the list has passed.
#[derive(Debug, Default)]
pub(crate) struct Slab {
    slots: Vec<Slot>,
    free: Option<u32>,
    ready: Option<(u32, u32)>,
    len: usize,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    /// The next ready slot, or [`LAST`]; [`NONE`] while it is not on that list. The next free slot,
    /// or [`NONE`].
    next: u32,
    subscriber: Option<Subscriber>,
}

const NONE: u32 = u32::MAX;
const LAST: u32 = u32::MAX - 1;

impl Slab {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, subscriber: Subscriber) -> SubscriberId {
        self.len += 1;
        if let Some(index) = self.free {
            let slot = &mut self.slots[index as usize];
            self.free = Some(core::mem::replace(&mut slot.next, NONE)).filter(|&next| next != NONE);
            slot.subscriber = Some(subscriber);
            return SubscriberId { index, generation: slot.generation };
        }
        let index = self.slots.len() as u32;
        self.slots.push(Slot { generation: 0, next: NONE, subscriber: Some(subscriber) });
        SubscriberId { index, generation: 0 }
    }

    pub(crate) fn remove(&mut self, id: SubscriberId) -> Option<Subscriber> {
        let slot = self.slots.get_mut(id.index())?;
        if slot.generation != id.generation {
            return None;
        }
        let subscriber = slot.subscriber.take()?;
        self.len -= 1;
        if slot.next == NONE {
            self.release(id.index);
        }
        Some(subscriber)
    }

    /// How many slots there are, in use or not.
    pub(crate) fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    /// The name of whoever has this slot.
    pub(crate) fn id(&self, index: u32) -> SubscriberId {
        SubscriberId { index, generation: self.slots[index as usize].generation }
    }

    pub(crate) fn at(&self, index: u32) -> Option<&Subscriber> {
        self.slots.get(index as usize)?.subscriber.as_ref()
    }

    pub(crate) fn at_mut(&mut self, index: u32) -> Option<&mut Subscriber> {
        self.slots.get_mut(index as usize)?.subscriber.as_mut()
    }

    pub(crate) fn get(&self, id: SubscriberId) -> Option<&Subscriber> {
        let slot = self.slots.get(id.index())?;
        slot.subscriber.as_ref().filter(|_| slot.generation == id.generation)
    }

    pub(crate) fn get_mut(&mut self, id: SubscriberId) -> Option<&mut Subscriber> {
        let slot = self.slots.get_mut(id.index())?;
        slot.subscriber.as_mut().filter(|_| slot.generation == id.generation)
    }

    /// The slots in use, in order.
    pub(crate) fn indexes(&self) -> Vec<u32> {
        let used = self.slots.iter().zip(0..).filter(|(slot, _)| slot.subscriber.is_some());
        used.map(|(_, index)| index).collect()
    }

    /// Marks a subscriber pending and puts it on the ready list; does nothing if it is pending.
    pub(crate) fn make_ready(&mut self, index: u32, now: Instant) -> bool {
        let Some(slot) = self.slots.get_mut(index as usize) else { return false };
        let Some(subscriber) = slot.subscriber.as_mut().filter(|subscriber| !subscriber.pending)
        else {
            return false;
        };
        subscriber.pending = true;
        subscriber.touched = crate::timers::millis(now);
        if slot.next == NONE {
            slot.next = LAST;
            self.ready = match self.ready {
                None => Some((index, index)),
                Some((first, last)) => {
                    self.slots[last as usize].next = index;
                    Some((first, index))
                }
            };
        }
        true
    }

    pub(crate) const fn nobody_ready(&self) -> bool {
        self.ready.is_none()
    }

    pub(crate) fn pop_ready(&mut self) -> Option<SubscriberId> {
        loop {
            let (index, last) = self.ready?;
            let slot = &mut self.slots[index as usize];
            let next = core::mem::replace(&mut slot.next, NONE);
            self.ready = (next != LAST).then_some((next, last));
            if slot.subscriber.is_some() {
                return Some(SubscriberId { index, generation: slot.generation });
            }
            self.release(index);
        }
    }

    /// Lets the slot be used again, under another name. One that has used up its names stays shut.
    fn release(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        if let Some(generation) = slot.generation.checked_add(1) {
            slot.generation = generation;
            slot.next = self.free.replace(index).unwrap_or(NONE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_stays_small() {
        assert!(size_of::<Slot>() <= 72, "{}", size_of::<Slot>());
    }
}
