//! Keys by which a publish that is sent twice takes effect once.

use alloc::{collections::VecDeque, sync::Arc};
use core::{fmt, hash::BuildHasher};

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use sse_codec::time::Instant;

use crate::{
    config::Retention,
    cursor::Cursor,
    error::{InvalidKey, StoreError},
    event::{Draft, Publish},
};

/// What a publisher calls one event, so that sending it again after a broken connection does not
/// publish it again: the second time it is answered with the place of the first.
///
/// 1 to [`MAX_LEN`](Self::MAX_LEN) bytes without control characters. Keys of different
/// [publishers](Self::by) are different keys.
///
/// ```
/// use sse_server_core::{Publish, PublishKey, Topic};
///
/// let key = PublishKey::new("order-17-paid")?.by("shop");
/// assert_ne!(key, PublishKey::new("order-17-paid")?.by("warehouse"));
/// let event = Publish::new([Topic::new("orders")?], "paid").key(key);
/// # let _ = event;
/// assert!(PublishKey::new("").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublishKey {
    name: Arc<str>,
    publisher: Option<Arc<str>>,
}

impl PublishKey {
    /// The longest key, in bytes.
    pub const MAX_LEN: usize = 256;

    /// Checks a key that somebody chose.
    ///
    /// # Errors
    /// [`InvalidKey`] says what is wrong with it.
    pub fn new(name: &str) -> Result<Self, InvalidKey> {
        if name.is_empty() {
            return Err(InvalidKey::Empty);
        }
        if name.len() > Self::MAX_LEN {
            return Err(InvalidKey::TooLong { len: name.len() });
        }
        if let Some(at) = name.find(char::is_control) {
            return Err(InvalidKey::Control { at });
        }
        Ok(Self { name: name.into(), publisher: None })
    }

    /// Sets whose key it is: of two publishers that choose the same name, neither must be answered
    /// with the other's event.
    #[must_use]
    pub fn by(mut self, publisher: impl Into<Arc<str>>) -> Self {
        self.publisher = Some(publisher.into());
        self
    }

    /// What the publisher calls the event.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Whose key it is.
    pub fn publisher(&self) -> Option<&str> {
        self.publisher.as_deref()
    }

    /// About what it takes to remember it: its text, and what two tables hold beside.
    fn cost(&self) -> u64 {
        const TABLES: u64 = 200;
        (self.name.len() + self.publisher.as_ref().map_or(0, |name| name.len())) as u64 + TABLES
    }
}

impl fmt::Debug for PublishKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.publisher {
            Some(publisher) => write!(f, "{:?} of {publisher:?}", self.name),
            None => fmt::Debug::fmt(&self.name, f),
        }
    }
}

/// The keys that a store has seen lately, each with the place of its event: oldest forgotten
/// first. A store asks it before it appends.
///
/// ```
/// use sse_codec::time::Instant;
/// use sse_server_core::{Cursor, Epoch, Hub, HubConfig, Keys, Output, Publish, PublishKey, Retention, Topic};
///
/// let (now, head) = (Instant::ORIGIN, Cursor::new(Epoch::new(1), 0));
/// let mut hub = Hub::new(HubConfig::default(), head, 1);
/// let mut keys = Keys::new(Retention::KEYS, 1);
/// let event = Publish::new([Topic::new("orders")?], "paid").key(PublishKey::new("order-17")?);
/// hub.publish(event, now)?;
/// let Some(Output::Append { event, .. }) = hub.poll_output() else { unreachable!() };
///
/// assert_eq!(keys.find(&event, now)?, None, "not seen: append it");
/// let place = Cursor::new(Epoch::new(1), 1);
/// keys.note(&event, place, now);
/// assert_eq!(keys.find(&event, now)?, Some(place), "seen: answer with this");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Keys {
    retention: Retention,
    seen: HashMap<PublishKey, Seen, FixedState>,
    /// Oldest first.
    order: VecDeque<(Instant, PublishKey)>,
    bytes: u64,
}

struct Seen {
    cursor: Cursor,
    /// A hash of the event, to notice a key that is used for two.
    event: u64,
}

impl Keys {
    /// Remembers none. Of the retention, `bytes` is about the memory that the keys take. The seed
    /// is for hashing, since keys come from strangers.
    pub fn new(retention: Retention, seed: u64) -> Self {
        Self {
            retention,
            seen: HashMap::with_hasher(FixedState::with_seed(seed)),
            order: VecDeque::new(),
            bytes: 0,
        }
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// The place of an event that was published before by the same key.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] if that was another event.
    pub fn find(&mut self, event: &Draft, now: Instant) -> Result<Option<Cursor>, StoreError> {
        self.trim(now);
        let Some(seen) = event.key().and_then(|key| self.seen.get(key)) else { return Ok(None) };
        if seen.event == self.hash(event) {
            Ok(Some(seen.cursor))
        } else {
            Err(StoreError::KeyReused)
        }
    }

    /// Whether an event that is not a draft yet would be a repeat or new: for a batch that is to be
    /// published whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] if its key belongs to another event.
    pub fn check(&mut self, event: &Publish, now: Instant) -> Result<(), StoreError> {
        if event.key.is_none() {
            return Ok(());
        }
        self.find(&Draft::new(event.clone()), now).map(drop)
    }

    /// Remembers where an event was placed, if it has a key. A key that is remembered stays as it
    /// was.
    pub fn note(&mut self, event: &Draft, cursor: Cursor, now: Instant) {
        let Some(key) = event.key() else { return };
        if self.seen.contains_key(key) {
            return;
        }
        self.bytes += key.cost();
        self.seen.insert(key.clone(), Seen { cursor, event: self.hash(event) });
        self.order.push_back((now, key.clone()));
        self.trim(now);
    }

    fn hash(&self, event: &Draft) -> u64 {
        self.seen.hasher().hash_one(event.content())
    }

    fn trim(&mut self, now: Instant) {
        while let Some((at, _)) = self.order.front() {
            let outlived = self.retention.age.is_some_and(|age| now - *at > age);
            if !outlived
                && self.seen.len() <= self.retention.events
                && self.bytes <= self.retention.bytes
            {
                return;
            }
            let Some((_, key)) = self.order.pop_front() else { return };
            self.bytes -= key.cost();
            self.seen.remove(&key);
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("retention", &self.retention)
            .field("len", &self.seen.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};
    use core::time::Duration;

    use super::*;
    use crate::{Epoch, Topic};

    fn draft(key: &PublishKey, data: &str) -> Draft {
        Draft::new(Publish::new([Topic::new("a").unwrap()], data).key(key.clone()))
    }

    fn key(name: &str) -> PublishKey {
        PublishKey::new(name).unwrap()
    }

    const fn at(offset: u64) -> Cursor {
        Cursor::new(Epoch::new(1), offset)
    }

    const NOW: Instant = Instant::from_origin(Duration::from_secs(100));

    #[test]
    fn keys_are_taken_as_the_grammar_says() {
        for name in ["a", "order 17: paid", "größe", &"a".repeat(256)] {
            assert_eq!(
                PublishKey::new(name).map(|key| String::from(key.as_str())),
                Ok(name.into())
            );
        }
        assert_eq!(PublishKey::new(""), Err(InvalidKey::Empty));
        assert_eq!(PublishKey::new(&"a".repeat(257)), Err(InvalidKey::TooLong { len: 257 }));
        for name in ["a\nb", "a\rb", "a\0b", "a\u{85}b"] {
            assert_eq!(PublishKey::new(name), Err(InvalidKey::Control { at: 1 }), "{name:?}");
        }
    }

    #[test]
    fn a_key_that_was_used_for_another_event_is_no_repeat() {
        let mut keys = Keys::new(Retention::KEYS, 1);
        keys.note(&draft(&key("k"), "one"), at(1), NOW);
        assert_eq!(keys.find(&draft(&key("k"), "one"), NOW), Ok(Some(at(1))));
        assert_eq!(keys.find(&draft(&key("k"), "two"), NOW), Err(StoreError::KeyReused));
        assert_eq!(keys.find(&draft(&key("k").by("other"), "two"), NOW), Ok(None));
        assert_eq!(keys.find(&draft(&key("K"), "one"), NOW), Ok(None));
        let without = Publish::new([Topic::new("a").unwrap()], "one");
        assert_eq!(keys.check(&without, NOW), Ok(()));
        assert_eq!(keys.check(&without.clone().key(key("k")), NOW), Ok(()));
        let another = Publish::new([Topic::new("b").unwrap()], "one").key(key("k"));
        assert_eq!(keys.check(&another, NOW), Err(StoreError::KeyReused));
        assert_eq!(keys.find(&Draft::new(without), NOW), Ok(None));
    }

    #[test]
    fn keys_are_forgotten_by_number_by_size_and_by_age() {
        let minute = Duration::from_secs(60);
        let all = Retention::DEFAULT.age(None);
        for (retention, left) in [
            (all.events(3), 3),
            (all.bytes(2 * key("k0").cost()), 2),
            (all.bytes(0), 0),
            (all.age(Some(minute)), 10),
        ] {
            let mut keys = Keys::new(retention, 1);
            for n in 0..10 {
                keys.note(&draft(&key(&format!("k{n}")), ""), at(n + 1), NOW);
            }
            assert_eq!(keys.len(), left, "{retention:?}");
            let newest = keys.find(&draft(&key("k9"), ""), NOW);
            assert_eq!(newest, Ok((left > 0).then_some(at(10))), "the newest stays");
            assert_eq!(keys.find(&draft(&key("k0"), ""), NOW), Ok((left > 9).then_some(at(1))));
            let _ = keys.find(&draft(&key("k9"), ""), NOW + minute + minute);
            assert_eq!(keys.is_empty(), retention.age.is_some() || left == 0);
        }
    }
}
