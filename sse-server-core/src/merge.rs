//! Entries of several topics in one order.

use alloc::{collections::BinaryHeap, vec::Vec};
use core::cmp::Reverse;

use crate::index::{Index, Marks};

/// The offsets of the entries of some topics past a place, each once. Each topic is searched once,
/// however many entries it has.
#[derive(Debug)]
pub(crate) struct Merge<'a> {
    marks: Vec<Marks<'a>>,
    /// The next offset of each, and which it is of.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    last: u64,
}

impl<'a> Merge<'a> {
    pub(crate) fn new(index: &'a Index, topics: impl Iterator<Item = u32>, after: u64) -> Self {
        let (mut marks, mut next) = (Vec::new(), Vec::new());
        for topic in topics {
            let mut rest = index.marks_after(topic, after);
            // Most have nothing new.
            if let Some(first) = rest.next() {
                next.push(Reverse((first, marks.len())));
                marks.push(rest);
            }
        }
        Self { marks, next: next.into(), last: after }
    }
}

impl Iterator for Merge<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        loop {
            let mut first = self.next.peek_mut()?;
            let Reverse((offset, of)) = *first;
            match self.marks[of].next() {
                Some(next) => *first = Reverse((next, of)),
                None => drop(alloc::collections::binary_heap::PeekMut::pop(first)),
            }
            // An event may have several of the topics.
            if offset > self.last {
                self.last = offset;
                return Some(offset);
            }
        }
    }
}
