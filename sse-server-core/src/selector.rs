//! What one subscribes to: topics, and patterns over their names.

use alloc::sync::Arc;
use core::fmt;

use crate::{error::InvalidTopic, topic::Topic};

/// A topic or a pattern.
///
/// In a pattern, `*` stands for one segment and `**`, at the end, for one or more. Neither reaches
/// the hub's own topics, which begin with `$`; of those only `$presence.TOPIC` can be asked for.
///
/// ```
/// use sse_server_core::{Selector, Topic};
///
/// let prices = Selector::new("prices.*")?;
/// assert!(prices.matches(&Topic::new("prices.eur")?));
/// assert!(!prices.matches(&Topic::new("prices.eur.spot")?));
/// assert!(Selector::new("prices.**")?.covers(&prices), "nothing that it does not have itself");
/// assert!(Selector::new("pri*").is_err());
/// # Ok::<(), sse_server_core::InvalidTopic>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(Arc<str>);

impl Selector {
    /// Checks what somebody asks to subscribe to.
    ///
    /// # Errors
    /// [`InvalidTopic`] says what is wrong with it, [`InvalidTopic::Reserved`] for what is the
    /// hub's own.
    pub fn new(name: &str) -> Result<Self, InvalidTopic> {
        if let Some(watched) = name.strip_prefix("$presence.") {
            return Topic::new(watched).and_then(|topic| Topic::presence(&topic)).map(Self::from);
        }
        if !name.contains('*') {
            return Topic::new(name).map(Self::from);
        }
        if name.starts_with('$') {
            return Err(InvalidTopic::Reserved);
        }
        // A star is legal where a letter is, as far as the rest of the grammar goes.
        Topic::new(&name.replace('*', "s"))?;
        let mut segments = name.split('.').peekable();
        while let Some(segment) = segments.next() {
            let last = segments.peek().is_none();
            if segment.contains('*') && segment != "*" && !(segment == "**" && last) {
                return Err(InvalidTopic::Wildcard);
            }
        }
        Ok(Self(Arc::from(name)))
    }

    /// One that was checked when it was first asked for.
    pub(crate) fn known(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// What was asked for.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for more than one topic.
    pub fn is_pattern(&self) -> bool {
        self.0.contains('*')
    }

    /// Whether this topic is asked for.
    pub fn matches(&self, topic: &Topic) -> bool {
        covers(&self.0, topic.as_str())
    }

    /// Whether all that `other` asks for is asked for by this one.
    pub fn covers(&self, other: &Self) -> bool {
        covers(&self.0, &other.0)
    }

    /// Whether some topic is asked for by both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        overlap(&self.0, &other.0)
    }

    /// The topic whose presence is asked for, if that is what it asks for.
    pub(crate) fn watched(&self) -> Option<Topic> {
        self.0.strip_prefix("$presence.").and_then(|name| Topic::new(name).ok())
    }
}

impl From<Topic> for Selector {
    fn from(topic: Topic) -> Self {
        Self(topic.into_name())
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `wide`, a topic or a pattern, holds all of `narrow`.
pub(crate) fn covers(wide: &str, narrow: &str) -> bool {
    if !wide.contains('*') {
        return wide == narrow;
    }
    if narrow.starts_with('$') {
        return false;
    }
    let mut asked = narrow.split('.');
    for segment in wide.split('.') {
        match (segment, asked.next()) {
            (_, None) => return false,
            ("**", Some(_)) => return true,
            ("*", Some(segment)) if segment != "**" => {}
            (literal, Some(segment)) if literal == segment && literal != "*" => {}
            (_, Some(_)) => return false,
        }
    }
    asked.next().is_none()
}

/// Whether some topic is held by both, each a pattern or a topic that is not the hub's own.
fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (None, Some(_)) | (Some(_), None) => return false,
            (Some("**"), Some(_)) | (Some(_), Some("**")) => return true,
            (Some("*"), Some(_)) | (Some(_), Some("*")) => {}
            (Some(one), Some(other)) if one == other => {}
            (Some(_), Some(_)) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_are_taken_as_the_grammar_says() {
        for name in ["*", "**", "a.*", "*.a", "a.*.b.**", "a", "$presence.a", "größe.*"] {
            assert_eq!(Selector::new(name).map(|s| String::from(s.as_str())), Ok(name.into()));
        }
        let wrong = [
            ("a*", InvalidTopic::Wildcard),
            ("***", InvalidTopic::Wildcard),
            ("**.a", InvalidTopic::Wildcard),
            ("a.**.**", InvalidTopic::Wildcard),
            ("*.", InvalidTopic::EmptySegment),
            ("*..a", InvalidTopic::EmptySegment),
            ("", InvalidTopic::Empty),
            ("* a", InvalidTopic::Forbidden { at: 1, character: ' ' }),
            ("$*", InvalidTopic::Reserved),
            ("$all", InvalidTopic::Reserved),
            ("$user.*", InvalidTopic::Reserved),
            ("$presence.$all", InvalidTopic::Reserved),
            ("$presence.*", InvalidTopic::Forbidden { at: 0, character: '*' }),
        ];
        for (name, error) in wrong {
            assert_eq!(Selector::new(name), Err(error), "{name:?}");
        }
        assert!(matches!(Selector::new(&"*.".repeat(200)), Err(InvalidTopic::TooLong { .. })));
    }

    #[test]
    fn the_hubs_own_topics_are_matched_by_no_pattern() {
        for pattern in ["*", "**", "*.a"] {
            let pattern = Selector::new(pattern).unwrap();
            for own in [Topic::all(), Topic::user("a").unwrap()] {
                assert!(!pattern.matches(&own), "{pattern} {own}");
            }
        }
    }

    /// The twin: what a pattern holds, spelt out over a small alphabet and three segments.
    fn spelt_out(pattern: &str) -> Vec<String> {
        let names = ["a", "b"];
        let mut all: Vec<String> = names.iter().map(|&n| n.into()).collect();
        for len in 1..3 {
            let shorter: Vec<_> =
                all.iter().filter(|t| t.split('.').count() == len).cloned().collect();
            all.extend(shorter.iter().flat_map(|t| names.map(|n| format!("{t}.{n}"))));
        }
        let holds = |topic: &str| {
            let (wide, narrow): (Vec<_>, Vec<_>) =
                (pattern.split('.').collect(), topic.split('.').collect());
            let open = wide.last() == Some(&"**");
            let fixed = wide.len() - usize::from(open);
            (if open { narrow.len() > fixed } else { narrow.len() == fixed })
                && wide[..fixed].iter().zip(&narrow).all(|(w, n)| *w == "*" || w == n)
        };
        all.retain(|topic| holds(topic));
        all
    }

    proptest! {
        #[test]
        fn patterns_overlap_that_hold_the_same_topic(
            one in "(a|b|\\*)(\\.(a|b|\\*)){0,1}(\\.\\*\\*)?|\\*\\*",
            other in "(a|b|\\*)(\\.(a|b|\\*)){0,1}(\\.\\*\\*)?|\\*\\*",
        ) {
            // With at most two segments before `**`, three show whatever they share.
            let held = spelt_out(&other);
            let shared = spelt_out(&one).iter().any(|topic| held.contains(topic));
            prop_assert_eq!(overlap(&one, &other), shared);
            prop_assert_eq!(overlap(&other, &one), shared);
        }

        #[test]
        fn a_pattern_covers_what_holds_no_more(
            wide in "(a|b|\\*)(\\.(a|b|\\*)){0,1}(\\.\\*\\*)?",
            narrow in "(a|b|\\*)(\\.(a|b|\\*)){0,1}(\\.\\*\\*)?",
        ) {
            let (holds, asked) = (spelt_out(&wide), spelt_out(&narrow));
            for topic in spelt_out("**") {
                prop_assert_eq!(covers(&wide, &topic), holds.contains(&topic), "{}", topic);
            }
            if covers(&wide, &narrow) {
                prop_assert!(asked.iter().all(|topic| holds.contains(topic)));
            } else {
                // The alphabet is finite and the patterns are not, so `**` may hold more.
                let more = asked.iter().any(|topic| !holds.contains(topic));
                prop_assert!(more || narrow.contains("**"));
            }
        }
    }
}
