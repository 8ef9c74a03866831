//! The patterns in use, by their segments: which of them match a topic.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

/// Patterns, each with its number. What a topic costs is a walk along its own segments, however many
/// patterns and topics there are.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    root: Node,
    len: usize,
}

/// What may follow a few segments.
#[derive(Debug, Default)]
struct Node {
    named: BTreeMap<Box<str>, Self>,
    any: Option<Box<Self>>,
    /// The pattern that ends here.
    here: Option<u32>,
    /// The pattern that ends here in `**`.
    rest: Option<u32>,
}

impl Patterns {
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Enters a pattern that is not there.
    pub(crate) fn insert(&mut self, pattern: &str, number: u32) {
        let mut node = &mut self.root;
        self.len += 1;
        for segment in pattern.split('.') {
            node = match segment {
                "**" => {
                    node.rest = Some(number);
                    return;
                }
                "*" => node.any.get_or_insert_default(),
                name => node.named.entry(name.into()).or_default(),
            };
        }
        node.here = Some(number);
    }

    /// Takes out a pattern that is there.
    pub(crate) fn remove(&mut self, pattern: &str) {
        self.root.remove(pattern.split('.'));
        self.len -= 1;
    }

    /// Puts the numbers of those that match a topic at the end of `out`.
    pub(crate) fn matching(&self, topic: &str, out: &mut Vec<u32>) {
        // The hub's own topics are matched by none.
        if !self.is_empty() && !topic.starts_with('$') {
            self.root.matching(topic.split('.'), out);
        }
    }
}

impl Node {
    fn matching<'a>(&self, mut topic: impl Iterator<Item = &'a str> + Clone, out: &mut Vec<u32>) {
        let Some(segment) = topic.next() else {
            out.extend(self.here);
            return;
        };
        out.extend(self.rest);
        if let Some(node) = self.named.get(segment) {
            node.matching(topic.clone(), out);
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
                if let Some(node) = self.named.get_mut(name) {
                    node.remove(pattern);
                    if node.is_empty() {
                        self.named.remove(name);
                    }
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.named.is_empty() && self.any.is_none() && self.here.or(self.rest).is_none()
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
                tree.matching(topic, &mut found);
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
