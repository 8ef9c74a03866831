//! Who subscribed to a topic.

use alloc::{vec, vec::Vec};

/// The slots of a topic's subscribers. There may be a topic a subscriber, so that one costs no
/// memory but this, and very many no more than a number here.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Members {
    #[default]
    None,
    One(u32),
    /// By its number.
    Crowd(u32),
}

/// The topics that more than one subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Crowds {
    crowds: Vec<Vec<u32>>,
    free: Vec<u32>,
}

impl Members {
    pub(crate) const fn is_empty(self) -> bool {
        matches!(self, Self::None)
    }

    pub(crate) fn slots<'a>(&'a self, crowds: &'a Crowds) -> &'a [u32] {
        match self {
            Self::None => &[],
            Self::One(slot) => core::slice::from_ref(slot),
            Self::Crowd(number) => &crowds.crowds[*number as usize],
        }
    }

    /// Takes one in, and says at which place it is.
    pub(crate) fn push(&mut self, slot: u32, crowds: &mut Crowds) -> u32 {
        match *self {
            Self::None => {
                *self = Self::One(slot);
                0
            }
            Self::One(first) => {
                *self = Self::Crowd(crowds.add(vec![first, slot]));
                1
            }
            Self::Crowd(number) => {
                let crowd = &mut crowds.crowds[number as usize];
                crowd.push(slot);
                crowd.len() as u32 - 1
            }
        }
    }

    /// Takes one out. The last one, which is named, takes its place.
    pub(crate) fn swap_remove(&mut self, place: u32, crowds: &mut Crowds) -> Option<u32> {
        let Self::Crowd(number) = *self else {
            *self = Self::None;
            return None;
        };
        let crowd = &mut crowds.crowds[number as usize];
        crowd.swap_remove(place as usize);
        let moved = crowd.get(place as usize).copied();
        if let [last] = crowd[..] {
            *self = Self::One(last);
            crowds.remove(number);
        } else if crowd.capacity() > 4 * crowd.len() + 16 {
            // A topic that drew very many once would hold on to what it took then.
            crowd.shrink_to(2 * crowd.len());
        }
        moved
    }
}

impl Crowds {
    fn add(&mut self, crowd: Vec<u32>) -> u32 {
        if let Some(number) = self.free.pop() {
            self.crowds[number as usize] = crowd;
            return number;
        }
        self.crowds.push(crowd);
        self.crowds.len() as u32 - 1
    }

    fn remove(&mut self, number: u32) {
        self.crowds[number as usize] = Vec::new();
        self.free.push(number);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The twin: a vector for each topic.
        #[test]
        fn who_comes_and_goes_is_known_by_place(
            steps in prop::collection::vec((0usize..3, any::<prop::sample::Index>(), any::<bool>()), 1..200),
        ) {
            let mut crowds = Crowds::default();
            let (mut topics, mut twins) = ([Members::None; 3], [const { Vec::new() }; 3]);
            for ((topic, at, comes), slot) in steps.into_iter().zip(0u32..) {
                let (members, twin) = (&mut topics[topic], &mut twins[topic]);
                if comes || twin.is_empty() {
                    prop_assert_eq!(members.push(slot, &mut crowds), twin.len() as u32);
                    twin.push(slot);
                } else {
                    let place = at.index(twin.len());
                    twin.swap_remove(place);
                    let moved = members.swap_remove(place as u32, &mut crowds);
                    prop_assert_eq!(moved, twin.get(place).copied());
                }
                for (members, twin) in topics.iter().zip(&twins) {
                    prop_assert_eq!(members.slots(&crowds), &twin[..]);
                    prop_assert_eq!(members.is_empty(), twin.is_empty());
                }
            }
            prop_assert!(crowds.crowds.len() <= 3, "places are used again");
        }
    }
}
