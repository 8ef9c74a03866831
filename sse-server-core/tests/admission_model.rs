//! Admission beside a model that counts in the plainest way: streams, tickets, rates and presence,
//! in any order.
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::std_instead_of_core,
    reason = "a test fails by panic"
)]

mod common;

use core::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use common::{selector, topic};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use sse_codec::time::Instant;
use sse_server_core::{
    Admission, AdmissionConfig, AdmissionError, Pass, Presence, Principal, Revoke, Ticket,
    TicketError, Visitor, Whose,
};

const USERS: [&str; 4] = ["", "ann", "bob", "eve"];
const TOKENS: [&str; 3] = ["", "t1", "t2"];
/// What is asked for. By `a.*` and `*.b` one reads `a.b` twice over, and is there once.
const ASKED: [&[&str]; 9] = [
    &["room"],
    &["*"],
    &["$presence.room"],
    &["$presence.a.b", "a.b"],
    &["a.*", "*.b"],
    &["room", "**", "room"],
    &["$presence.room", "$presence.a.b", "*.b"],
    &["*.*", "c.*", "a.b"],
    &["a.*", "b.*", "c.*"],
];
const ROOMS: [&str; 2] = ["room", "a.b"];
/// How many users a word names.
const NAMED: usize = 2;
const MAX_PATTERNS: usize = 2;
const MAX_WATCHED: usize = 1;
const MAX_PER_USER: usize = 2;
const MAX_PER_ADDRESS: usize = 3;
const MAX_STREAMS: usize = 6;
const MAX_TICKETS: usize = 4;
const MAX_UNUSED: usize = 2;
/// Ten events a second, five at once.
const INTERVAL: u64 = 100;
const BURST: u32 = 5;
const TICKET_WAIT: u64 = 1000;
const PAUSE: u64 = 500;

#[derive(Clone, Debug, Default)]
struct Model {
    now: u64,
    streams: BTreeMap<usize, Stream>,
    comes_next: usize,
    tickets: BTreeMap<u8, Issued>,
    /// Of each user: for how many milliseconds of the rate it has published ahead.
    ahead: [u64; USERS.len()],
    /// What the last step should have given.
    expected: Expected,
    /// Of each room that is watched: what whoever does is to be told.
    watched: BTreeMap<usize, Watched>,
}

#[derive(Clone, Debug, Default)]
struct Watched {
    /// Since when there is something to be told.
    since: Option<u64>,
    /// Who was there when the last word was, or when somebody began to watch.
    before: BTreeSet<usize>,
    /// How many streams of known users have come and gone since.
    changes: usize,
}

#[derive(Clone, Debug, Default)]
enum Expected {
    #[default]
    Nothing,
    Admit(Result<usize, AdmissionError>),
    Ticket(Result<Option<usize>, TicketError>),
    Publish(Result<(), AdmissionError>),
    Revoked(Vec<usize>),
    /// What is told of rooms, in whichever order.
    Words(Vec<Word>),
}

#[derive(Clone, Debug)]
struct Word {
    room: usize,
    count: usize,
    users: BTreeSet<usize>,
    before: BTreeSet<usize>,
    changes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    user: usize,
    token: usize,
    address: u8,
    asked: usize,
    ticket: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Issued {
    user: usize,
    token: usize,
    asked: usize,
    until: u64,
    ends: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Unused,
    Open,
    Closed(u64),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Admit(Stream),
    Release(usize),
    Publish { user: usize, events: u32 },
    Issue { secret: u8, user: usize, token: usize, asked: usize, ends: Option<u64> },
    Redeem { secret: u8, resumes: bool, address: u8 },
    RevokeUser(usize),
    RevokeToken(usize),
    Poll,
    Pass(u64),
}

impl Model {
    /// The stream that this step means.
    fn nth(&self, which: usize) -> Option<usize> {
        self.streams.keys().nth(which % self.streams.len().max(1)).copied()
    }

    fn admit(&mut self, stream: Stream) -> Result<usize, AdmissionError> {
        let (whose, times) = match stream.user {
            0 => (Whose::Address, 2),
            _ => (Whose::User, 1),
        };
        can_ever(stream.asked, whose, times)?;
        let count = |is: &dyn Fn(&Stream) -> bool| self.streams.values().filter(|s| is(s)).count();
        if self.streams.len() >= MAX_STREAMS {
            return Err(AdmissionError::Full);
        }
        if stream.user > 0 && count(&|s| s.user == stream.user) >= MAX_PER_USER {
            return Err(AdmissionError::TooManyForUser { max: MAX_PER_USER });
        }
        if count(&|s| s.address == stream.address) >= MAX_PER_ADDRESS {
            return Err(AdmissionError::TooManyForAddress { max: MAX_PER_ADDRESS });
        }
        self.check_shares(&stream, |name| name.contains('*'), MAX_PATTERNS)
            .map_err(|(whose, max)| AdmissionError::TooManyPatterns { whose, max })?;
        self.check_shares(&stream, |name| name.starts_with('$'), MAX_WATCHED)
            .map_err(|(whose, max)| AdmissionError::WatchesTooMany { whose, max })?;
        for room in stream.watches() {
            let before = self.users(room);
            let since = Some(self.now);
            self.watched.entry(room).or_insert(Watched { since, before, changes: 0 });
        }
        self.stirs(&stream);
        self.comes_next += 1;
        self.streams.insert(self.comes_next, stream);
        Ok(self.comes_next)
    }

    /// Who has how many different ones of what is asked for: twice as many an address as a user.
    fn check_shares(
        &self,
        stream: &Stream,
        is_one: impl Fn(&str) -> bool,
        max: usize,
    ) -> Result<(), (Whose, usize)> {
        let asked = |stream: &Stream| ASKED[stream.asked].iter().filter(|name| is_one(name));
        if asked(stream).next().is_none() {
            return Ok(());
        }
        let check = |whose: Whose, max: usize, is_theirs: &dyn Fn(&Stream) -> bool| {
            let theirs = self.streams.values().filter(|it| is_theirs(it));
            // One that another holds all of does not count.
            let held: BTreeSet<_> = theirs.flat_map(kept).filter(|name| is_one(name)).collect();
            let new = kept(stream).into_iter().filter(|name| is_one(name));
            let new = new.filter(|name| !held.contains(name)).count();
            if new > 0 && held.len() + new > max { Err((whose, max)) } else { Ok(()) }
        };
        if stream.user > 0 {
            check(Whose::User, max, &|it| it.user == stream.user)?;
        }
        check(Whose::Address, 2 * max, &|it| it.address == stream.address)
    }

    /// Somebody comes or goes.
    fn stirs(&mut self, stream: &Stream) {
        for (&room, watched) in &mut self.watched {
            if stream.is_in(room) {
                watched.since.get_or_insert(self.now);
                watched.changes += usize::from(stream.user > 0);
            }
        }
    }

    fn release(&mut self, which: usize) {
        let Some(stream) = self.streams.remove(&which) else { return };
        self.stirs(&stream);
        let streams = &self.streams;
        self.watched.retain(|room, _| streams.values().any(|it| it.watches().contains(room)));
        let ticket = stream.ticket.and_then(|secret| self.tickets.get_mut(&secret));
        if let Some(ticket) = ticket.filter(|ticket| ticket.state == State::Open) {
            ticket.state = State::Closed(self.now);
        }
    }

    fn is_over(&self, ticket: &Issued) -> bool {
        (ticket.state == State::Unused && ticket.until <= self.now)
            || ticket.ends.is_some_and(|at| at <= self.now)
    }

    fn issue(&mut self, secret: u8, ticket: Issued) -> Result<Option<usize>, TicketError> {
        if ticket.user > 0 {
            can_ever(ticket.asked, Whose::User, 1)?;
        }
        let waits = |t: &&Issued| t.state == State::Unused && !self.is_over(t);
        let own = |t: &&Issued| t.user == ticket.user && ticket.user > 0;
        if self.tickets.values().filter(waits).filter(own).count() >= MAX_UNUSED {
            return Err(TicketError::TooManyUnused { max: MAX_UNUSED });
        }
        if self.tickets.len() >= MAX_TICKETS {
            let over: Vec<u8> =
                self.tickets.iter().filter(|(_, t)| self.is_over(t)).map(|(&n, _)| n).collect();
            self.tickets.retain(|n, _| !over.contains(n));
        }
        if self.tickets.len() >= MAX_TICKETS {
            let of = |user| self.tickets.values().filter(|t| t.user == user).count();
            let idle = self.tickets.iter().filter_map(|(&n, t)| {
                let since = match t.state {
                    State::Closed(since) => since,
                    State::Unused => t.until - TICKET_WAIT,
                    State::Open => return None,
                };
                Some((core::cmp::Reverse(of(t.user)), since, n))
            });
            let (.., oldest) = idle.min().ok_or(TicketError::Full)?;
            self.tickets.remove(&oldest);
        }
        self.tickets.insert(secret, ticket);
        Ok(None)
    }

    fn redeem(
        &mut self,
        secret: u8,
        resumes: bool,
        address: u8,
    ) -> Result<Option<usize>, TicketError> {
        let ticket = self.tickets.get(&secret).filter(|ticket| !self.is_over(ticket));
        let &Issued { user, token, asked, state, until, .. } =
            ticket.ok_or(TicketError::Unknown)?;
        let was_open = state == State::Open;
        match state {
            State::Open if !resumes => return Err(TicketError::InUse),
            State::Closed(_) if !resumes && until <= self.now => return Err(TicketError::Used),
            State::Unused | State::Open | State::Closed(_) => {}
        }
        let stream = Stream { user, token, address, asked, ticket: Some(secret) };
        // It takes the place of the one that is open.
        let before = self.clone();
        let old = self.streams.iter().find(|(_, s)| was_open && s.ticket == Some(secret));
        if let Some((&old, _)) = old {
            self.release(old);
        }
        let pass = match self.admit(stream) {
            Ok(pass) => pass,
            Err(refusal) => {
                *self = before;
                return Err(refusal.into());
            }
        };
        self.tickets.get_mut(&secret).unwrap().state = State::Open;
        Ok(Some(pass))
    }

    fn publish(&mut self, user: usize, events: u32) -> Result<(), AdmissionError> {
        if events > BURST {
            return Err(AdmissionError::BurstTooLarge { count: events, max: BURST });
        }
        let (after, room) =
            (self.ahead[user] + u64::from(events) * INTERVAL, u64::from(BURST) * INTERVAL);
        if after > room {
            return Err(AdmissionError::TooFast { wait: Duration::from_millis(after - room) });
        }
        self.ahead[user] = after;
        Ok(())
    }

    fn revoke(&mut self, is: impl Fn(usize, usize) -> bool) -> Vec<usize> {
        self.tickets.retain(|_, ticket| !is(ticket.user, ticket.token));
        let theirs = self.streams.iter().filter(|(_, s)| is(s.user, s.token));
        let theirs: Vec<_> = theirs.map(|(&which, _)| which).collect();
        theirs.iter().for_each(|&which| self.release(which));
        theirs
    }

    fn inside(&self, room: usize) -> impl Iterator<Item = &Stream> {
        self.streams.values().filter(move |stream| stream.is_in(room))
    }

    fn users(&self, room: usize) -> BTreeSet<usize> {
        self.inside(room).map(|stream| stream.user).filter(|&user| user > 0).collect()
    }

    /// What is due to be told.
    fn words(&mut self) -> Vec<Word> {
        let now = self.now;
        let is_due = |watched: &Watched| watched.since.is_some_and(|since| since + PAUSE <= now);
        let due = self.watched.iter().filter(|(_, watched)| is_due(watched)).map(|(&room, _)| room);
        let due: Vec<_> = due.collect();
        let mut words = Vec::new();
        for room in due {
            let (count, users) = (self.inside(room).count(), self.users(room));
            let Watched { before, changes, .. } = self.watched.remove(&room).unwrap();
            let watched = Watched { before: users.clone(), ..Watched::default() };
            self.watched.insert(room, watched);
            words.push(Word { room, count, users, before, changes });
        }
        words
    }
}

impl Stream {
    fn is_in(&self, room: usize) -> bool {
        let room = topic(ROOMS[room]);
        ASKED[self.asked].iter().any(|name| selector(name).matches(&room))
    }

    fn watches(&self) -> Vec<usize> {
        let is_watched = |name: &str| ASKED[self.asked].contains(&&*format!("$presence.{name}"));
        (0..ROOMS.len()).filter(|&room| is_watched(ROOMS[room])).collect()
    }
}

/// Whether so many times a user's share is ever enough.
fn can_ever(asked: usize, whose: Whose, times: usize) -> Result<(), AdmissionError> {
    let stream = Stream { user: 0, token: 0, address: 0, asked, ticket: None };
    let (count, max) =
        (kept(&stream).iter().filter(|it| it.contains('*')).count(), times * MAX_PATTERNS);
    if count > max {
        return Err(AdmissionError::AsksForTooManyPatterns { whose, count, max });
    }
    let (count, max) = (stream.watches().len(), times * MAX_WATCHED);
    if count > max {
        return Err(AdmissionError::AsksToWatchTooMany { count, max });
    }
    Ok(())
}

/// What a stream asks for, but for what something else of it holds all of.
fn kept(stream: &Stream) -> BTreeSet<&'static str> {
    let asked = ASKED[stream.asked];
    let is_held = |name: &str| {
        asked.iter().any(|other| *other != name && selector(other).covers(&selector(name)))
    };
    asked.iter().copied().filter(|name| !is_held(name)).collect()
}

/// Whether these are the first of those users, and whether all of them.
fn are_first(named: &[std::sync::Arc<str>], users: &BTreeSet<usize>) -> bool {
    let users = users.iter().map(|&user| USERS[user]);
    named.iter().map(|name| &**name).eq(users.take(NAMED))
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        let (user, token, asked) = (0..USERS.len(), 0..TOKENS.len(), 0..ASKED.len());
        let stream = (user.clone(), token.clone(), 0u8..3, asked.clone()).prop_map(
            |(user, token, address, asked)| Stream { user, token, address, asked, ticket: None },
        );
        let ends = prop::option::of(0u64..5000);
        prop_oneof![
            6 => stream.prop_map(Step::Admit),
            4 => any::<usize>().prop_map(Step::Release),
            6 => (user.clone(), 1u32..7).prop_map(|(user, events)| Step::Publish { user, events }),
            4 => (0u8..8, user.clone(), token.clone(), asked, ends).prop_map(
                |(secret, user, token, asked, ends)| Step::Issue { secret, user, token, asked, ends }
            ),
            6 => (0u8..8, any::<bool>(), 0u8..3)
                .prop_map(|(secret, resumes, address)| Step::Redeem { secret, resumes, address }),
            1 => user.prop_map(Step::RevokeUser),
            1 => token.prop_map(Step::RevokeToken),
            4 => Just(Step::Poll),
            4 => (0u64..800).prop_map(Step::Pass),
        ]
        .boxed()
    }

    /// A secret is drawn at random, so that none comes twice.
    fn preconditions(model: &Self, step: &Step) -> bool {
        let Step::Issue { secret, .. } = step else { return true };
        let came_by_it = |stream: &Stream| stream.ticket == Some(*secret);
        !model.tickets.contains_key(secret) && !model.streams.values().any(came_by_it)
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        model.expected = match *step {
            Step::Admit(stream) => Expected::Admit(model.admit(stream)),
            Step::Release(which) => {
                if let Some(which) = model.nth(which) {
                    model.release(which);
                }
                Expected::Nothing
            }
            Step::Publish { user, events } => Expected::Publish(model.publish(user, events)),
            Step::Issue { secret, user, token, asked, ends } => {
                let (until, ends) = (model.now + TICKET_WAIT, ends.map(|after| model.now + after));
                let ticket = Issued { user, token, asked, until, ends, state: State::Unused };
                Expected::Ticket(model.issue(secret, ticket))
            }
            Step::Redeem { secret, resumes, address } => {
                Expected::Ticket(model.redeem(secret, resumes, address))
            }
            Step::RevokeUser(user) => {
                Expected::Revoked(model.revoke(|own, _| user > 0 && own == user))
            }
            Step::RevokeToken(token) => {
                Expected::Revoked(model.revoke(|_, own| token > 0 && own == token))
            }
            Step::Poll => Expected::Words(model.words()),
            Step::Pass(millis) => {
                model.now += millis;
                model.ahead.iter_mut().for_each(|ahead| *ahead = ahead.saturating_sub(millis));
                Expected::Nothing
            }
        };
        model
    }
}

struct World {
    admission: Admission,
    passes: BTreeMap<usize, Pass>,
    refused: u64,
}

fn visitor(user: usize, token: usize, address: u8, asked: usize) -> Visitor {
    let mut visitor = Visitor::new(ASKED[asked].iter().map(|name| selector(name)))
        .address(IpAddr::from([10, 0, 0, address]));
    if user > 0 {
        visitor = visitor.user(USERS[user]);
    }
    if token > 0 {
        visitor = visitor.token(TOKENS[token]);
    }
    visitor
}

struct AdmissionTest;

impl StateMachineTest for AdmissionTest {
    type SystemUnderTest = World;
    type Reference = Model;

    fn init_test(_: &Model) -> World {
        let mut config = AdmissionConfig::default();
        config.max_per_user = MAX_PER_USER;
        config.max_per_address = MAX_PER_ADDRESS;
        config.max_streams = MAX_STREAMS;
        config.max_tickets = MAX_TICKETS;
        config.max_unused_tickets = MAX_UNUSED;
        config.max_named = NAMED;
        config.max_patterns_per_user = MAX_PATTERNS;
        config.max_patterns_per_address = 2 * MAX_PATTERNS;
        config.max_watched_per_user = MAX_WATCHED;
        config.max_watched_per_address = 2 * MAX_WATCHED;
        config.publish_rate = 10;
        config.publish_burst = BURST;
        config.ticket_wait = Duration::from_millis(TICKET_WAIT);
        config.presence_pause = Duration::from_millis(PAUSE);
        World { admission: Admission::new(config, 3), passes: BTreeMap::new(), refused: 0 }
    }

    fn apply(mut world: World, model: &Model, step: Step) -> World {
        let now = Instant::from_origin(Duration::from_millis(model.now));
        let World { admission, passes, refused } = &mut world;
        match step {
            Step::Admit(Stream { user, token, address, asked, .. }) => {
                let result = admission.admit(visitor(user, token, address, asked), now);
                let Expected::Admit(expected) = &model.expected else { panic!() };
                assert_eq!(result.as_ref().err(), expected.as_ref().err());
                *refused += u64::from(result.is_err());
                passes.extend(expected.as_ref().ok().copied().zip(result.ok()));
            }
            Step::Release(_) => {
                // Whoever the model knows no more.
                let gone = passes.keys().find(|which| !model.streams.contains_key(which)).copied();
                if let Some(pass) = gone.and_then(|gone| passes.remove(&gone)) {
                    admission.release(pass, now);
                    admission.release(pass, now);
                }
            }
            Step::Publish { user, events } => {
                let result = admission.publish(&Principal::user(USERS[user]), events, now);
                let Expected::Publish(expected) = &model.expected else { panic!() };
                assert_eq!(&result, expected);
            }
            Step::Issue { secret, user, token, asked, ends } => {
                let mut ticket = Ticket::new(ASKED[asked].iter().map(|name| selector(name)));
                if user > 0 {
                    ticket = ticket.for_user(USERS[user]).asked_by(Principal::user(USERS[user]));
                }
                if token > 0 {
                    ticket = ticket.by_token(TOKENS[token]);
                }
                if let Some(ends) = ends {
                    ticket = ticket.until(now + Duration::from_millis(ends));
                }
                let result = admission.issue_ticket([secret; 16], ticket, now);
                let Expected::Ticket(expected) = &model.expected else { panic!() };
                assert_eq!(result.err().as_ref(), expected.as_ref().err());
            }
            Step::Redeem { secret, resumes, address } => {
                let address = Some(IpAddr::from([10, 0, 0, address]));
                let result = admission.admit_by_ticket(&[secret; 16], resumes, address, now);
                let Expected::Ticket(expected) = &model.expected else { panic!() };
                assert_eq!(result.as_ref().err(), expected.as_ref().err());
                *refused += u64::from(matches!(result, Err(TicketError::Refused(_))));
                if let (Ok(redeemed), Ok(Some(which))) = (result, expected) {
                    let gone = passes.keys().find(|which| !model.streams.contains_key(which));
                    let gone = gone.copied().and_then(|gone| passes.remove(&gone));
                    assert_eq!(redeemed.replaced, gone);
                    passes.insert(*which, redeemed.pass);
                }
            }
            Step::RevokeUser(_) | Step::RevokeToken(_) => {
                let whose = match step {
                    Step::RevokeUser(user) => Revoke::User(USERS[user]),
                    Step::RevokeToken(token) => Revoke::Token(TOKENS[token]),
                    _ => panic!(),
                };
                let Expected::Revoked(expected) = &model.expected else { panic!() };
                let mut expected: Vec<_> =
                    expected.iter().filter_map(|which| passes.remove(which)).collect();
                expected.sort_unstable();
                let ended = admission.revoke(whose);
                assert_eq!(ended, expected);
                ended.into_iter().for_each(|pass| admission.release(pass, now));
            }
            Step::Poll => {
                let Expected::Words(expected) = &model.expected else { panic!() };
                for _ in expected {
                    let word = admission.poll_presence(now).unwrap();
                    let is_of = |it: &&Word| ROOMS[it.room] == word.topic.as_str();
                    check_word(&word, expected.iter().find(is_of).unwrap());
                }
                assert_eq!(admission.poll_presence(now), None, "one word a pause");
            }
            Step::Pass(_) => {}
        }
        world
    }

    fn check_invariants(world: &World, model: &Model) {
        let counters = world.admission.counters();
        assert_eq!(counters.streams, model.streams.len() as u64);
        let refused = counters.refused_for_user
            + counters.refused_for_address
            + counters.refused_full
            + counters.refused_for_good;
        assert_eq!(refused, world.refused);
        assert_eq!(counters.admitted, model.comes_next as u64);
        for (room, name) in ROOMS.iter().enumerate() {
            let presence = world.admission.presence(&topic(name));
            let users = model.users(room);
            assert_eq!(presence.count, model.inside(room).count(), "{name}");
            assert!(are_first(&presence.users, &users), "{name}: {presence:?}");
            assert_eq!(presence.is_partial, users.len() > NAMED);
        }
        let due = world.admission.poll_timeout();
        let is_to_tell = model.watched.values().any(|watched| watched.since.is_some());
        assert!(!is_to_tell || due.is_some(), "a word that nobody waits for");
    }
}

fn check_word(word: &Presence, expected: &Word) {
    let Word { count, users, before, changes, .. } = expected;
    assert_eq!(word.count, *count);
    assert!(are_first(&word.users, users), "{word:?}: {expected:?}");
    let names = |users: &[std::sync::Arc<str>]| {
        let numbers = users.iter().map(|user| USERS.iter().position(|it| **it == **user).unwrap());
        numbers.collect::<BTreeSet<_>>()
    };
    let (joined, left) = (names(&word.joined), names(&word.left));
    assert!(joined.is_subset(&(users - before)), "{word:?}: {expected:?}");
    assert!(left.is_subset(&(before - users)), "{word:?}: {expected:?}");
    assert!(joined.len() + left.len() <= NAMED);
    if !word.is_partial {
        assert_eq!((joined, left), (users - before, before - users), "{word:?}");
    }
    // It is said only where there was cause.
    assert!(!word.is_partial || users.len() > NAMED || *changes > NAMED, "{word:?}: {expected:?}");
    assert!(word.is_partial || users.len() <= NAMED);
}

prop_state_machine! {
    #![proptest_config(ProptestConfig::default())]
    #[test]
    fn admission_does_as_the_model_says(sequential 1..120 => AdmissionTest);
}
