//! What of a recording cannot be read, and how it is told.

use core::fmt;
use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

/// A part of a recording that cannot be read; or, once very many are, how many others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Damage {
    /// The file it is in; empty of several places.
    pub file: String,
    /// The byte at which it begins; 0 of several places.
    pub at: u64,
    /// How many bytes it is.
    pub bytes: u64,
    /// What is wrong.
    pub kind: DamageKind,
    /// How many places it is: more than one only of what is not told place by place any more, and then two at least.
    #[serde(default = "one")]
    pub places: u64,
}

const fn one() -> u64 {
    1
}

/// What is wrong with a part of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DamageKind {
    /// It was not closed: the program that wrote it was stopped. Nothing that it had written is lost.
    NotClosed,
    /// It ends in the middle of something, or its end is missing.
    CutOff,
    /// Its bytes are not as they were written.
    Changed,
    /// One bit is not as it was written, and its sum tells which: nothing is lost.
    Mended,
    /// Bytes of what is made from the rest (index, IDs, types, statistics) are not as they were written. It was made
    /// again, so that nothing is lost by that.
    Derived,
    /// Parts of it are missing, are there twice, or stand in another order.
    Disordered,
    /// The bytes by which alone it is known are not as they were written: nothing is lost.
    Header,
    /// What was missing when this one file was made of a session's: so many zeros stand for it.
    Gap,
    /// It stands in the place of another.
    Misplaced,
    /// Its end is missing, and others follow: rows are missing between.
    EndMissing,
    /// The whole file is not there.
    Missing,
}

impl DamageKind {
    /// Whether something that was recorded cannot be read, or may not be all there. Of what was not closed, or is cut
    /// off, all is there that could be.
    pub const fn is_loss(self) -> bool {
        match self {
            Self::NotClosed | Self::CutOff | Self::Mended | Self::Derived | Self::Header => false,
            Self::Changed
            | Self::Disordered
            | Self::Gap
            | Self::Misplaced
            | Self::EndMissing
            | Self::Missing => true,
        }
    }
}

impl Damage {
    pub(crate) fn new(file: impl Into<String>, at: u64, bytes: u64, kind: DamageKind) -> Self {
        Self { file: file.into(), at, bytes, kind, places: 1 }
    }

    /// As [`DamageKind::is_loss`].
    pub const fn is_loss(&self) -> bool {
        self.kind.is_loss()
    }

    /// So many places of which no more is told.
    pub(crate) const fn several(places: u64, bytes: u64, kind: DamageKind) -> Self {
        Self { file: String::new(), at: 0, bytes, kind, places }
    }

    fn fmt_several(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { places, bytes, .. } = self;
        match self.kind {
            DamageKind::NotClosed => write!(
                f,
                "{places} more files were not closed (their program was stopped); all that had been written is \
                 here"
            ),
            DamageKind::CutOff => write!(
                f,
                "{places} more files are cut off: their ends are missing; what comes before is here"
            ),
            DamageKind::Gap => {
                write!(
                    f,
                    "{places} more places say that something was missing there; the rest is here"
                )
            }
            DamageKind::Misplaced => {
                write!(f, "{places} more files stand in the place of others")
            }
            DamageKind::Changed | DamageKind::Header => write!(
                f,
                "{places} more places are damaged, too many to tell each: {bytes} bytes in all are not as they \
                 were written; the rest is here"
            ),
            DamageKind::Mended => write!(
                f,
                "{places} more places are damaged, too many to tell each: one bit in each is not as it was \
                 written; its sum tells which, so nothing is lost"
            ),
            DamageKind::Derived => write!(
                f,
                "{places} more places are damaged of what is made from the rest: {bytes} bytes in all; it was \
                 made again"
            ),
            DamageKind::Disordered => write!(
                f,
                "{places} more files are damaged: parts of them are missing, are there twice, or stand in \
                 another order; what comes before is here"
            ),
            DamageKind::EndMissing => write!(
                f,
                "the ends of {places} more files are missing, and their rows with them; the rest is here"
            ),
            DamageKind::Missing => {
                write!(
                    f,
                    "{places} more files are missing, and their rows with them; the rest is here"
                )
            }
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, at, bytes, kind, places } = self;
        if *places > 1 {
            return self.fmt_several(f);
        }
        match kind {
            DamageKind::NotClosed => write!(
                f,
                "{file} was not closed (its program was stopped); all that had been written is here"
            ),
            DamageKind::CutOff if *bytes == 0 => {
                write!(f, "{file} is cut off: its end is missing; what comes before is here")
            }
            DamageKind::CutOff if *bytes == 1 => write!(
                f,
                "{file} is cut off: its last byte, byte {at}, is of something that is not whole; what comes \
                 before is here"
            ),
            DamageKind::CutOff => write!(
                f,
                "{file} is cut off: its last {bytes} bytes, from byte {at} on, are not whole; what \
                 comes before is here"
            ),
            DamageKind::Changed if *bytes == 1 => {
                write!(f, "{file} is damaged: byte {at} is not as it was written; the rest is here")
            }
            DamageKind::Gap => write!(
                f,
                "{file} was made of a recording in which something was missing at byte {at}; the rest is here"
            ),
            DamageKind::Misplaced => write!(
                f,
                "{file} is another one by what it says itself: its rows may be there twice, or in another order"
            ),
            DamageKind::Changed | DamageKind::Header => write!(
                f,
                "{file} is damaged: {bytes} bytes from byte {at} on are not as they were written; the \
                 rest is here"
            ),
            DamageKind::Mended => write!(
                f,
                "{file} is damaged: one bit of the {bytes} bytes from byte {at} on is not as it was written; its \
                 sum tells which, so nothing is lost"
            ),
            DamageKind::Derived => write!(
                f,
                "{file} is damaged: {bytes} bytes from byte {at} on, of an index made from the rest, are not as they \
                 were written; it was made again"
            ),
            DamageKind::Disordered => write!(
                f,
                "{file} is damaged: from byte {at} on parts of it are missing, are there twice, or stand \
                 in another order; what comes before is here"
            ),
            DamageKind::EndMissing => {
                write!(f, "the end of {file} is missing, and its rows with it; the rest is here")
            }
            DamageKind::Missing => {
                write!(f, "{file} is missing, and its rows with it; the rest is here")
            }
        }
    }
}

/// Places that are told one by one.
const MOST_LISTED: usize = 1000;

/// Places that are known again wherever they are met: some 5 MiB of them.
const MOST_KNOWN: usize = 1 << 18;

/// Damaged places, each once: the first ones as they are, and of the others how many there are, by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct DamageList {
    listed: Vec<Damage>,
    /// One of a kind.
    others: Vec<Damage>,
    seen: HashMap<String, Seen, RandomState>,
    known: usize,
}

/// Places of a file that were added.
#[derive(Clone, Debug, Default)]
struct Seen {
    places: HashSet<u64, RandomState>,
    highest: Option<u64>,
}

impl DamageList {
    pub(crate) fn to_vec(&self) -> Vec<Damage> {
        self.iter().cloned().collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Damage> {
        self.listed.iter().chain(&self.others)
    }

    /// Tells of a file that was only told as not closed, or cut off, that its end is missing; false: it was not.
    pub(crate) fn end_is_missing(&mut self, file: &str) -> bool {
        let is_open = |kind| matches!(kind, DamageKind::NotClosed | DamageKind::CutOff);
        let mut told = self.listed.iter_mut().rev();
        let Some(damage) = told.find(|damage| damage.file == file && is_open(damage.kind)) else {
            return false;
        };
        damage.kind = DamageKind::EndMissing;
        true
    }

    /// Leaves out what is of other kinds.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(DamageKind) -> bool) {
        self.listed.retain(|damage| is_kept(damage.kind));
        self.others.retain(|damage| is_kept(damage.kind));
    }

    /// Adds a place, unless it is known.
    pub(crate) fn add(&mut self, damage: Damage) {
        if !self.is_new(&damage) {
            return;
        }
        if self.listed.len() < MOST_LISTED {
            self.listed.push(damage);
        } else {
            self.count(damage);
        }
    }

    /// Adds places of which only their number is told.
    pub(crate) fn count(&mut self, damage: Damage) {
        let Some(others) = self.others.iter_mut().find(|others| others.kind == damage.kind) else {
            return self.others.push(damage);
        };
        let bytes = others.bytes.saturating_add(damage.bytes);
        *others = Damage::several(others.places + damage.places, bytes, damage.kind);
    }

    /// Adds places none of which is known.
    pub(crate) fn append(&mut self, more: Self) {
        let room = MOST_LISTED.saturating_sub(self.listed.len());
        let mut listed = more.listed.into_iter();
        self.listed.extend(listed.by_ref().take(room));
        listed.chain(more.others).for_each(|damage| self.count(damage));
        for (file, more) in more.seen {
            let seen = self.seen.entry(file).or_default();
            let known = seen.places.len();
            let room = MOST_KNOWN.saturating_sub(self.known);
            seen.places.extend(more.places.into_iter().take(room));
            seen.highest = seen.highest.max(more.highest);
            self.known += seen.places.len() - known;
        }
    }

    fn is_new(&mut self, damage: &Damage) -> bool {
        if !self.seen.contains_key(&damage.file) {
            self.seen.insert(damage.file.clone(), Seen::default());
        }
        let Some(seen) = self.seen.get_mut(&damage.file) else { return false };
        let is_new = if self.known < MOST_KNOWN {
            seen.places.insert(damage.at)
        } else {
            // Whoever looks at all of a file goes from its beginning to its end.
            seen.highest.is_none_or(|highest| damage.at > highest)
        };
        self.known += usize::from(is_new && self.known < MOST_KNOWN);
        seen.highest = seen.highest.max(Some(damage.at));
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn very_many_places_are_counted_each_once() {
        let mut list = DamageList::default();
        let places = MOST_KNOWN as u64 + 5000;
        for _ in 0..2 {
            for at in 0..places {
                list.add(Damage::new("a", 7 * at, 3, DamageKind::Changed));
            }
        }
        list.add(Damage::new("b", 0, 0, DamageKind::CutOff));
        let told = list.to_vec();
        assert_eq!(told.len(), MOST_LISTED + 2);
        assert_eq!(told.iter().map(|damage| damage.places).sum::<u64>(), places + 1);
        let others = Damage::several(places - 1000, 3 * (places - 1000), DamageKind::Changed);
        assert_eq!(told[MOST_LISTED], others);
        assert_eq!(
            told[MOST_LISTED + 1].to_string(),
            "b is cut off: its end is missing; what comes before is here"
        );
    }

    #[test]
    fn lists_of_two_files_are_as_one() {
        let places = |file: &str, list: &mut DamageList| {
            for at in 0..700 {
                list.add(Damage::new(file, at, 2, DamageKind::Changed));
            }
        };
        let [mut one, mut first, mut second] = [(); 3].map(|()| DamageList::default());
        places("a", &mut one);
        places("b", &mut one);
        places("a", &mut first);
        places("b", &mut second);
        first.append(second);
        assert_eq!(first.to_vec(), one.to_vec());
        assert_eq!(first.to_vec()[MOST_LISTED].places, 400);
        places("b", &mut first);
        assert_eq!(first.to_vec(), one.to_vec(), "they are known");
    }

    #[test]
    fn lists_of_many_files_know_no_more_places_than_one() {
        let add = |file: &str, list: &mut DamageList| {
            for at in 0..MOST_KNOWN as u64 / 2 + 100 {
                list.add(Damage::new(file, at, 2, DamageKind::Changed));
            }
        };
        let mut all = DamageList::default();
        for file in ["a", "b", "c"] {
            let mut list = DamageList::default();
            add(file, &mut list);
            all.append(list);
        }
        let known: usize = all.seen.values().map(|seen| seen.places.len()).sum();
        assert_eq!((known, all.known), (MOST_KNOWN, MOST_KNOWN));
        let told = all.to_vec();
        add("c", &mut all);
        assert_eq!(all.to_vec(), told, "they are known");
    }

    #[test]
    fn what_is_told_of_several_places_says_how_many() {
        for (kind, words) in [
            (DamageKind::NotClosed, "7 more files were not closed"),
            (DamageKind::CutOff, "7 more files are cut off"),
            (
                DamageKind::Changed,
                "7 more places are damaged, too many to tell each: 90 bytes in all",
            ),
            (
                DamageKind::Mended,
                "7 more places are damaged, too many to tell each: one bit in each",
            ),
            (DamageKind::Disordered, "7 more files are damaged"),
            (DamageKind::Gap, "7 more places say that something was missing"),
            (DamageKind::Misplaced, "7 more files stand in the place of others"),
            (DamageKind::EndMissing, "the ends of 7 more files are missing"),
            (DamageKind::Derived, "7 more places are damaged of what is made from the rest"),
            (DamageKind::Missing, "7 more files are missing"),
        ] {
            let told = Damage::several(7, 90, kind).to_string();
            assert!(told.starts_with(words), "{told}");
        }
    }

    #[test]
    fn as_json_each_tells_how_many_places_it_is() {
        let json = serde_json::to_value(Damage::several(7, 90, DamageKind::Changed)).unwrap();
        let told =
            serde_json::json!({"file": "", "at": 0, "bytes": 90, "kind": "changed", "places": 7});
        assert_eq!(json, told);
        let one: Damage =
            serde_json::from_str(r#"{"file":"a","at":1,"bytes":2,"kind":"cut_off"}"#).unwrap();
        assert_eq!(one, Damage::new("a", 1, 2, DamageKind::CutOff));
    }
}
