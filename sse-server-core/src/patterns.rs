//! The patterns in use, by their segments: which of them match a topic.

use alloc::{boxed::Box, vec::Vec};

/// Patterns, each with what is known of it. What a topic costs is a walk along its own segments,
/// however many patterns and topics there are.
#[derive(Debug)]
pub(crate) struct Patterns<T> {
    root: Node<T>,
    len: usize,
}

/// What may follow a few segments.
#[derive(Debug)]
struct Node<T> {
    /// In order. Most have one, of which a tree's leaf would take a dozen times as much.
    named: Vec<(Box<str>, Box<Self>)>,
    any: Option<Box<Self>>,
    /// Of the pattern that ends here.
    here: Option<T>,
    /// Of the pattern that ends here in `**`.
    rest: Option<T>,
}

impl<T> Default for Patterns<T> {
    fn default() -> Self {
        Self { root: Node::default(), len: 0 }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { named: Vec::new(), any: None, here: None, rest: None }
    }
}

impl<T> Patterns<T> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is known of a pattern, which is entered if it is not there.
    pub(crate) fn entry(&mut self, pattern: &str) -> &mut T
    where
        T: Default,
    {
        let slot = self.root.slot(pattern);
        self.len += usize::from(slot.is_none());
        slot.get_or_insert_default()
    }

    /// Enters a pattern that is not there.
    pub(crate) fn insert(&mut self, pattern: &str, value: T) {
        *self.root.slot(pattern) = Some(value);
        self.len += 1;
    }

    /// Takes out a pattern that is there.
    pub(crate) fn remove(&mut self, pattern: &str) {
        self.root.remove(pattern.split('.'));
        self.len -= 1;
    }

    /// Gives `out` what is known of each that matches a topic.
    pub(crate) fn matching<'a>(&'a self, topic: &str, out: &mut impl FnMut(&'a T)) {
        // The hub's own topics are matched by none.
        if !self.is_empty() && !topic.starts_with('$') {
            self.root.matching(topic.split('.'), out);
        }
    }
}

impl<T> Node<T> {
    /// Where a pattern ends. The way there is made.
    fn slot(&mut self, pattern: &str) -> &mut Option<T> {
        let mut node = self;
        for segment in pattern.split('.') {
            node = match segment {
                "**" => return &mut node.rest,
                "*" => node.any.get_or_insert_default(),
                name => match node.find(name) {
                    Ok(at) => &mut node.named[at].1,
                    Err(at) => {
                        if node.named.is_empty() {
                            node.named.reserve_exact(1);
                        }
                        node.named.insert(at, (name.into(), Box::default()));
                        &mut node.named[at].1
                    }
                },
            };
        }
        &mut node.here
    }

    fn matching<'a, 'b>(
        &'a self,
        mut topic: impl Iterator<Item = &'b str> + Clone,
        out: &mut impl FnMut(&'a T),
    ) {
        let Some(segment) = topic.next() else {
            self.here.iter().for_each(out);
            return;
        };
        self.rest.iter().for_each(&mut *out);
        if let Ok(at) = self.find(segment) {
            self.named[at].1.matching(topic.clone(), out);
        }
        if let Some(node) = &self.any {
            node.matching(topic, out);
        }
    }

    fn remove<'a>(&mut self, mut pattern: impl Iterator<Item = &'a str>) {
        match pattern.next() {
            None => self.here = None,
            Some("**") => self.rest = None,
            Some("*") => {
                if let Some(node) = &mut self.any {
                    node.remove(pattern);
                    self.any.take_if(|node| node.is_empty());
                }
            }
            Some(name) => {
                if let Ok(at) = self.find(name) {
                    self.named[at].1.remove(pattern);
                    if self.named[at].1.is_empty() {
                        self.named.remove(at);
                    }
                }
            }
        }
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.named.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    fn is_empty(&self) -> bool {
        self.named.is_empty() && self.any.is_none() && self.here.is_none() && self.rest.is_none()
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec, vec::Vec};

    use proptest::prelude::*;

    use super::*;
    use crate::selector::covers;

    proptest! {
        /// The twin: each pattern asked by itself.
        #[test]
        fn those_match_that_cover_the_topic_and_nothing_is_left_of_those_taken_out(
            patterns in prop::collection::btree_set("(a|b|\\*)(\\.(a|b|\\*)){0,2}(\\.\\*\\*)?|\\*\\*", 0..12),
            gone in prop::collection::vec(any::<bool>(), 12),
            topics in prop::collection::vec("\\$?(a|b|c)(\\.(a|b|c)){0,3}", 1..8),
        ) {
            let mut tree = Patterns::default();
            let numbered: Vec<(u32, &String)> = (0..).zip(&patterns).collect();
            for &(number, pattern) in &numbered {
                tree.insert(pattern, number);
            }
            let (out, kept): (Vec<_>, Vec<_>) =
                numbered.into_iter().partition(|&(number, _)| gone[number as usize]);
            for (_, pattern) in out {
                tree.remove(pattern);
            }
            for topic in &topics {
                let mut found = vec![];
                tree.matching(topic, &mut |&number| found.push(number));
                found.sort_unstable();
                let twin = kept.iter().filter(|(_, pattern)| covers(pattern, topic));
                prop_assert_eq!(found, twin.map(|&(number, _)| number).collect::<Vec<_>>());
            }
            for (_, pattern) in kept {
                tree.remove(pattern);
            }
            prop_assert!(tree.is_empty() && tree.root.is_empty());
        }
    }
}
