//! What a long-poll was told of presence: it comes anew each time, and is told what there is each time.

use core::hash::BuildHasher;
use std::{hash::RandomState, sync::LazyLock};

use serde::Deserialize;
use serde_json::value::RawValue;

/// What stands between the place and each mark in the id of a poll. No place has one.
const BEFORE: char = '~';

/// How many topics are remembered: as many as a subscription may have, unless that is changed.
const MOST: usize = 64;

/// Of topics whose presence a poll watches, a mark of each and of the last word on it.
///
/// The marks go along in the `lastEventId` of the answer, behind the place, so that the next poll is
/// only told what is another. They mean nothing to another process, which tells what there is.
#[derive(Debug, Default)]
pub(crate) struct Seen(Vec<(u32, u64)>);

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
    pub(crate) fn read(marks: &str) -> Self {
        let mark = |text: &str| {
            let (topic, word) = text.split_at_checked(8)?;
            Some((u32::from_str_radix(topic, 16).ok()?, u64::from_str_radix(word, 16).ok()?))
        };
        Self(marks.split(BEFORE).take(MOST).filter_map(mark).collect())
    }

    /// Whether a word says anything else than the one before.
    pub(crate) fn is_news(&mut self, word: &str) -> bool {
        let Ok(Word { topic, count, users, partial }) = serde_json::from_str(word) else {
            return true;
        };
        let topic = MARKS.hash_one(topic) as u32;
        let word = MARKS.hash_one((count.get(), users.get(), partial.get()));
        let at = self.0.iter().position(|&(seen, _)| seen == topic);
        let before = at.map(|at| self.0.remove(at).1);
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push((topic, word));
        before != Some(word)
    }

    /// The id by which the next poll knows what was told.
    pub(crate) fn added_to(&self, mut id: String) -> String {
        for (topic, word) in &self.0 {
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

    fn seen(id: &str) -> Seen {
        Seen::read(split(id).1)
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
            assert!(seen.0.len() <= MOST, "{id}");
        }
    }
}
