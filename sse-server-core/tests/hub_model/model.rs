//! What the hub should do, and what may happen to it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use sse_server_core::{Overflow, Stored};

/// What is published to: by number, for the model.
pub(crate) const TOPICS: [&str; 5] = ["a.x", "a.y", "b", "$all", "$user.ann"];
/// What is asked for, and which of the topics that means.
pub(crate) const SELECTORS: [(&str, &[usize]); 6] =
    [("a.x", &[0]), ("a.y", &[1]), ("b", &[2]), ("a.*", &[0, 1]), ("**", &[0, 1, 2]), ("c", &[])];
pub(crate) const EVERYONE: usize = 3;
pub(crate) const ANN: usize = 4;
pub(crate) const CLIENTS: usize = 4;
pub(crate) const MAX_SUBSCRIBERS: usize = 3;
pub(crate) const MAX_TOPICS: usize = 3;
pub(crate) const STALL: u64 = 30_000;

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) setting: Setting,
    pub(crate) epoch: u64,
    /// Of each event of this epoch its topics.
    pub(crate) events: Vec<BTreeSet<usize>>,
    /// The same for every epoch, and how much data each event has: a hub hears of a new one later.
    pub(crate) epochs: Vec<Vec<(BTreeSet<usize>, usize)>>,
    /// What each client asked for last.
    pub(crate) asked: [Asked; CLIENTS],
    pub(crate) now: u64,
    pub(crate) draining: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) overflow: Overflow,
    pub(crate) max_lag: u64,
    pub(crate) window: usize,
    pub(crate) kept: usize,
    pub(crate) page: usize,
    pub(crate) heartbeats: bool,
    pub(crate) max_fetches: usize,
}

/// What a client has not read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unread {
    /// Of whatever topics.
    pub(crate) events: u64,
    /// Of its own.
    pub(crate) own: u64,
    /// As they are encoded.
    pub(crate) bytes: u64,
    /// As they count in a page.
    pub(crate) cost: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) selectors: Vec<usize>,
    pub(crate) is_ann: bool,
    pub(crate) expires: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum From {
    /// What it saw last, as a browser does.
    Last,
    Fresh,
    Earliest,
    Future,
    Malformed,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Subscribe {
        n: usize,
        asked: Asked,
        from: From,
    },
    Publish {
        topics: BTreeSet<usize>,
        size: usize,
        fails: bool,
    },
    /// The hub hears so much of what the store has said.
    Hear {
        count: usize,
        fails: bool,
    },
    /// Appended events that never reach the hub, as over a network that lost some.
    Miss(usize),
    Peek {
        n: usize,
        max: usize,
    },
    Confirm {
        n: usize,
        arrives: bool,
    },
    Read(usize),
    Disconnect(usize),
    Close(usize),
    Pass(u64),
    /// The store is emptied.
    Restart,
    Drain,
}

impl Model {
    /// What of the store's events is for a client.
    pub(crate) fn is_for(&self, n: usize, offset: u64) -> bool {
        self.reads(n, &self.events[offset as usize - 1])
    }

    fn reads(&self, n: usize, topics: &BTreeSet<usize>) -> bool {
        let asked = &self.asked[n];
        topics.iter().any(|&topic| match topic {
            EVERYONE => true,
            ANN => asked.is_ann,
            topic => asked.selectors.iter().any(|&one| SELECTORS[one].1.contains(&topic)),
        })
    }

    /// Whether any of `from..=upto` is for a client.
    pub(crate) fn owes(&self, n: usize, from: u64, upto: u64) -> bool {
        (from.max(1)..=upto.min(self.head())).any(|offset| self.is_for(n, offset))
    }

    /// What of an epoch's events after a place is for a client.
    pub(crate) fn unread(&self, n: usize, epoch: u64, place: u64) -> Unread {
        let events = &self.epochs[epoch as usize - 1];
        let mut unread = Unread { events: events.len() as u64 - place, ..Unread::default() };
        for ((topics, size), offset) in events.iter().zip(1..).skip(place as usize) {
            if self.reads(n, topics) {
                let frame = format!("id: {epoch:x}-{offset}\ndata: {}\n\n", "x".repeat(*size));
                unread.own += 1;
                unread.bytes += frame.len() as u64;
                unread.cost += (frame.len() + size_of::<Stored>()) as u64;
            }
        }
        unread
    }

    pub(crate) fn head(&self) -> u64 {
        self.events.len() as u64
    }

    /// Up to where events are gone from the store.
    pub(crate) fn trimmed(&self) -> u64 {
        self.head().saturating_sub(self.setting.kept as u64)
    }
}

pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let selectors = prop::collection::vec(0..SELECTORS.len(), 0..=MAX_TOPICS + 1);
    let expires = prop::option::weighted(0.2, 0u64..60_000);
    (selectors, any::<bool>(), expires).prop_map(|(selectors, is_ann, expires)| Asked {
        selectors,
        is_ann,
        expires,
    })
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let overflow = prop_oneof![
            Just(Overflow::Cut),
            Just(Overflow::SkipToLatest),
            Just(Overflow::DropOldest)
        ];
        let max_lag = prop_oneof![Just(1 << 20), 100u64..600];
        (overflow, max_lag, 1usize..12, 1usize..20, 1usize..300, any::<bool>(), 1usize..3)
            .prop_map(|(overflow, max_lag, window, kept, page, heartbeats, max_fetches)| Self {
                setting: Setting { overflow, max_lag, window, kept, page, heartbeats, max_fetches },
                epoch: 1,
                events: Vec::new(),
                epochs: vec![Vec::new()],
                asked: Default::default(),
                now: 0,
                draining: false,
            })
            .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        let n = 0..CLIENTS;
        let from = prop_oneof![
            6 => Just(From::Last),
            2 => Just(From::Fresh),
            2 => Just(From::Earliest),
            1 => Just(From::Future),
            1 => Just(From::Malformed),
        ];
        let topics = prop::collection::btree_set(0..TOPICS.len(), 1..=3);
        let rarely = || prop::bool::weighted(0.05);
        prop_oneof![
            12 => (n.clone(), asked(), from)
                .prop_map(|(n, asked, from)| Step::Subscribe { n, asked, from }),
            30 => (topics, 0usize..60, rarely())
                .prop_map(|(topics, size, fails)| Step::Publish { topics, size, fails }),
            40 => (1usize..6, rarely()).prop_map(|(count, fails)| Step::Hear { count, fails }),
            1 => (1usize..3).prop_map(Step::Miss),
            15 => (n.clone(), 1usize..300).prop_map(|(n, max)| Step::Peek { n, max }),
            15 => (n.clone(), prop::bool::weighted(0.9))
                .prop_map(|(n, arrives)| Step::Confirm { n, arrives }),
            20 => n.clone().prop_map(Step::Read),
            5 => n.clone().prop_map(Step::Disconnect),
            2 => n.prop_map(Step::Close),
            10 => (0u64..20_000).prop_map(Step::Pass),
            1 => Just(Step::Restart),
            1 => prop::bool::weighted(0.2).prop_map(|drains| if drains { Step::Drain } else { Step::Pass(0) }),
        ]
        .boxed()
    }

    fn apply(mut self_: Self, step: &Step) -> Self {
        match step {
            Step::Subscribe { n, asked, .. } => {
                self_.asked[*n] = asked.clone();
                self_.asked[*n].expires = asked.expires.map(|after| self_.now + after);
            }
            Step::Publish { topics, fails: false, size } if !self_.draining => {
                self_.events.push(topics.clone());
                if let Some(epoch) = self_.epochs.last_mut() {
                    epoch.push((topics.clone(), *size));
                }
            }
            Step::Pass(millis) => self_.now += millis,
            Step::Restart => {
                self_.epoch += 1;
                self_.events.clear();
                self_.epochs.push(Vec::new());
            }
            Step::Drain => self_.draining = true,
            _ => {}
        }
        self_
    }
}
