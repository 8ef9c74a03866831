//! What a long-poll was told of presence: it comes anew each time, and is told what there is each time.

use core::hash::BuildHasher;
use std::{hash::RandomState, sync::LazyLock};

use serde::Deserialize;
use serde_json::value::RawValue;

/// What stands between the place and each mark in the id of a poll. No place has one.
const BEFORE: char = '~';

/// Of topics whose presence a poll watches, a mark of each and of the last word on it.
///
/// The marks go along in the `lastEventId` of the answer, behind the place, so that the next poll is
/// only told what is another. They mean nothing to another process, which tells what there is.
#[derive(Debug)]
pub(crate) struct Seen {
    marks: Vec<(u32, u64)>,
    /// How many topics are remembered: as many as a subscription may have.
    most: usize,
}

/// What counts as news of a word: not who came and went since the one before.
#[derive(Deserialize)]
struct Word<'a> {
    topic: String,
    #[serde(borrow)]
    count: &'a RawValue,
    #[serde(borrow)]
    users: &'a RawValue,
    #[serde(borrow)]
    partial: &'a RawValue,
}

impl Seen {
    /// Reads the marks of a poll's id.
    pub(crate) fn read(marks: &str, most: usize) -> Self {
        let mark = |text: &str| {
            let (topic, word) = text.split_at_checked(8)?;
            Some((u32::from_str_radix(topic, 16).ok()?, u64::from_str_radix(word, 16).ok()?))
        };
        Self { marks: marks.split(BEFORE).take(most).filter_map(mark).collect(), most: most.max(1) }
    }

    /// Whether a word says anything else than the one before.
    pub(crate) fn is_news(&mut self, word: &str) -> bool {
        let Ok(Word { topic, count, users, partial }) = serde_json::from_str(word) else {
            return true;
        };
        let topic = MARKS.hash_one(topic) as u32;
        let word = MARKS.hash_one((count.get(), users.get(), partial.get()));
        let at = self.marks.iter().position(|&(seen, _)| seen == topic);
        let before = at.map(|at| self.marks.remove(at).1);
        if self.marks.len() >= self.most {
            self.marks.remove(0);
        }
        self.marks.push((topic, word));
        before != Some(word)
    }

    /// The id by which the next poll knows what was told.
    pub(crate) fn added_to(&self, mut id: String) -> String {
        for (topic, word) in &self.marks {
            id.push(BEFORE);
            id.push_str(&format!("{topic:08x}{word:x}"));
        }
        id
    }
}

/// Names are chosen by strangers, who shall not find two words with one mark.
static MARKS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The place in the id of a poll, and the marks.
pub(crate) fn split(id: &str) -> (&str, &str) {
    id.split_once(BEFORE).unwrap_or((id, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64;

    fn seen(id: &str) -> Seen {
        Seen::read(split(id).1, MOST)
    }

    fn word(topic: &str, count: u32, joined: &str) -> String {
        format!(
            r#"{{"topic":"{topic}","count":{count},"users":["ann"],"joined":[{joined}],"left":[],"partial":false}}"#
        )
    }

    #[test]
    fn a_word_is_news_once_and_again_when_it_says_something_else() {
        let mut first = seen("e-1");
        assert_eq!(first.added_to("e-1".into()), "e-1");
        assert!(first.is_news(&word("b", 1, "")));
        let id = first.added_to("e-1".into());
        let mut next = seen(&id);
        assert_eq!(split(&id).0, "e-1");
        assert!(!next.is_news(&word("b", 1, "\"ann\"")), "who came is told by who is there");
        assert!(next.is_news(&word("a", 1, "")), "another topic's");
        assert!(next.is_news(&word("b", 2, "")));
        let mut last = seen(&next.added_to("e-7".into()));
        assert!(!last.is_news(&word("a", 1, "")) && last.is_news(&word("b", 1, "")), "as it was");
    }

    #[test]
    fn marks_of_whatever_kind_are_only_taken_for_what_they_are() {
        for id in ["e-1~", "e-1~~~~~", "e-1~x~-1~", &format!("e-1{}", "~00000001f".repeat(1000))] {
            let mut seen = seen(id);
            assert!(seen.is_news(&word("a", 1, "")) && !seen.is_news(&word("a", 1, "")), "{id}");
            assert!(seen.marks.len() <= MOST, "{id}");
        }
    }

    #[test]
    fn as_many_topics_are_remembered_as_a_subscription_may_have() {
        const MORE: u32 = 100;
        let words: Vec<_> = (0..MORE).map(|n| word(&format!("t{n}"), 1, "")).collect();
        let mut first = Seen::read("", MORE as usize);
        assert!(words.iter().all(|word| first.is_news(word)));
        let mut next = Seen::read(split(&first.added_to("e-1".into())).1, MORE as usize);
        assert!(!words.iter().any(|word| next.is_news(word)));
        assert!(next.is_news(&word("another", 1, "")) && next.marks.len() == MORE as usize);
    }
}
