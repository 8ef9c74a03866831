//! The hub, its store and its clients; and what each client checks.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use sse_codec::{Decoder, EventId, Item, time::Instant};
use sse_server_core::{
    Appended, CloseReason, Cursor, Epoch, FetchId, HistoryPage, Hub, Log, Output, Overflow,
    PublishId, Receipt, Resume, Selector, StoreError, Subscribe, SubscribeError, SubscriberId,
    Written,
};

use crate::{
    common::selector,
    model::{From, MAX_SUBSCRIBERS, MAX_TOPICS, Model, SELECTORS, STALL},
};

/// What the store has said and the hub has not heard.
pub(crate) enum Word {
    Appended(Appended),
    Done(PublishId, Result<Receipt, StoreError>),
    Question(FetchId, Vec<Selector>, Cursor, usize),
}

pub(crate) struct Client {
    pub(crate) id: Option<SubscriberId>,
    pub(crate) decoder: Decoder,
    pub(crate) held: Option<(Written, Vec<u8>)>,
    /// All of its topics up to here was given to it, or it was told of the gap.
    pub(crate) seen: Option<(u64, u64)>,
    pub(crate) from: From,
    /// The hub's epoch when it subscribed.
    pub(crate) joined: u64,
    pub(crate) awaits_head: bool,
    /// `connected` was the last event: it is told the place where the loss that follows ends.
    pub(crate) is_greeted: bool,
    /// `poll_ready` has named it since it last had nothing to read.
    pub(crate) is_named: bool,
    pub(crate) last_progress: u64,
    pub(crate) may_lose_store: bool,
    /// Where it stood when it came, until it is told a place.
    pub(crate) came_at: u64,
    /// It has been at the head since it came, so that what it has not read is slowness.
    pub(crate) has_caught_up: bool,
    /// It had nothing to read while there was something for it: so it waits for the store.
    pub(crate) awaits_page: bool,
    /// It was made to skip while the head was here.
    pub(crate) skipped_upto: u64,
}

pub(crate) struct World {
    pub(crate) hub: Hub,
    pub(crate) store: Log,
    pub(crate) line: VecDeque<Word>,
    pub(crate) clients: Vec<Client>,
    pub(crate) publishing: u64,
    pub(crate) answered: u64,
    pub(crate) failing: bool,
    pub(crate) skips: u64,
    pub(crate) gone_by: [u64; 6],
}

pub(crate) const fn at(now: u64) -> Instant {
    // Not at the origin, so that "a while ago" is a time.
    Instant::from_origin(Duration::from_millis(100_000 + now))
}

impl World {
    pub(crate) fn act(&mut self, model: &Model) {
        // By an event that came, or with a page that was read to its end.
        let skips = self.hub.counters().skipped;
        if skips > self.skips {
            self.skips = skips;
            let head = self.hub.head().offset();
            self.clients.iter_mut().for_each(|client| client.skipped_upto = head);
        }
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Append { id, event, .. } => {
                    if core::mem::take(&mut self.failing) {
                        self.line.push_back(Word::Done(id, Err(StoreError::Unavailable)));
                        continue;
                    }
                    let head = self.store.head();
                    let appended = event.place(Cursor::new(head.epoch(), head.offset() + 1));
                    self.store.append(&appended, at(model.now));
                    self.line.push_back(Word::Done(id, Ok(Receipt::new(appended.cursor))));
                    self.line.push_back(Word::Appended(appended));
                }
                Output::FetchHistory { fetch, selectors, after, max_bytes, .. } => {
                    self.line.push_back(Word::Question(
                        fetch,
                        selectors.to_vec(),
                        after,
                        max_bytes,
                    ));
                }
                Output::PublishDone { .. } => self.answered += 1,
                Output::Close { id, reason, .. } => self.closed(model, id, reason),
                other => panic!("{other:?}"),
            }
        }
        while let Some(id) = self.hub.poll_ready() {
            let client = self.clients.iter_mut().find(|client| client.id == Some(id));
            let client = client.expect("only those that are there are named");
            assert!(!client.is_named, "named twice");
            client.is_named = true;
            client.last_progress = model.now;
        }
    }

    pub(crate) fn closed(&mut self, model: &Model, id: SubscriberId, reason: CloseReason) {
        let n = self.clients.iter().position(|client| client.id == Some(id)).expect("there");
        let epoch = self.hub.head().epoch().number();
        let client = &mut self.clients[n];
        client.id = None;
        client.held = None;
        match reason {
            CloseReason::Slow => {
                let stalled = client.is_named && model.now - client.last_progress + 1 >= STALL;
                let unread = model.unread(n, epoch, client.place(epoch));
                // By the event that came, while it has something to read.
                let lags = client.is_named && unread.bytes > model.setting.max_lag;
                // By the page that it waits for.
                let is_overtaken = unread.events > model.setting.window as u64
                    && (client.is_named || client.awaits_page)
                    && (unread.bytes > model.setting.max_lag
                        || unread.cost * 2 >= model.setting.page as u64);
                let is_cut = model.setting.overflow == Overflow::Cut && client.has_caught_up;
                assert!(is_cut && (lags || is_overtaken) || stalled, "cut without a cause");
            }
            CloseReason::Expired => {
                assert!(model.asked[n].expires.is_some_and(|at| at <= model.now + 1));
            }
            CloseReason::Drained => assert!(model.draining),
            CloseReason::StoreFailed => assert!(client.may_lose_store, "the store did not fail"),
            CloseReason::Revoked => {}
            other => panic!("{other:?}"),
        }
        self.gone_by[reason as usize] += 1;
    }

    pub(crate) fn subscribe(&mut self, model: &Model, n: usize, from: From) {
        self.disconnect(model, n);
        let (asked, client) = (&model.asked[n], &mut self.clients[n]);
        client.from = from;
        let resume = match from {
            From::Last => Resume::from_last_event_id(client.decoder.last_event_id()),
            From::Fresh => Resume::Fresh,
            From::Earliest => Resume::Earliest,
            From::Future => Resume::After(Cursor::new(Epoch::new(model.epoch), 1 << 40)),
            From::Malformed => Resume::from_last_event_id("no id of ours"),
        };
        let mut request =
            Subscribe::new(asked.selectors.iter().map(|&one| selector(SELECTORS[one].0)));
        if asked.is_ann {
            request = request.user("ann").unwrap();
        }
        if let Some(expires) = asked.expires {
            request = request.expires(at(expires));
        }
        let distinct: BTreeSet<_> = asked.selectors.iter().collect();
        let count = distinct.len();
        let present = self.clients.iter().filter(|client| client.id.is_some()).count();
        let result = self.hub.subscribe(request.resume(resume), at(model.now));
        let client = &mut self.clients[n];
        match result {
            Ok(id) => {
                assert!(count <= MAX_TOPICS && present < MAX_SUBSCRIBERS && !model.draining);
                let is_resumed = matches!((from, resume), (From::Last, Resume::After(_)));
                client.joined = self.hub.head().epoch().number();
                if !is_resumed {
                    client.seen = None;
                }
                client.id = Some(id);
                client.is_named = false;
                client.awaits_head = resume == Resume::Fresh;
                client.last_progress = model.now;
                client.may_lose_store = false;
                client.skipped_upto = 0;
                client.has_caught_up = resume == Resume::Fresh;
                client.awaits_page = false;
                client.came_at = match resume {
                    Resume::Fresh => self.hub.head().offset(),
                    _ => 0,
                };
                // A connection begins with a parser of its own, and the last event ID it sent.
                let id = match from {
                    From::Last => client.decoder.last_event_id().to_owned(),
                    _ => String::new(),
                };
                client.decoder = Decoder::new();
                client.decoder.set_last_event_id(&EventId::new(id).unwrap());
            }
            Err(SubscribeError::TooManyTopics { .. }) => assert!(count > MAX_TOPICS),
            Err(SubscribeError::Full) => assert!(present >= MAX_SUBSCRIBERS),
            Err(SubscribeError::Draining) => assert!(model.draining),
            Err(SubscribeError::Expired) => assert_eq!(asked.expires, Some(model.now)),
            Err(other) => panic!("{other:?}"),
        }
    }

    pub(crate) fn hear(&mut self, model: &Model, fails: bool) {
        let now = at(model.now);
        match self.line.pop_front() {
            Some(Word::Appended(event)) => {
                let before = self.hub.head().epoch();
                self.hub.handle_appended(&event, now);
                if self.hub.head().epoch() != before {
                    // All begin anew.
                    self.clients.iter_mut().for_each(|client| client.has_caught_up = false);
                }
            }
            Some(Word::Done(id, result)) => self.hub.handle_append_done(id, result, now),
            Some(Word::Question(fetch, selectors, after, max_bytes)) => {
                let page = self.store.page(&selectors, after, max_bytes, now);
                let strange = page.head.epoch() != self.hub.head().epoch();
                if fails || strange {
                    self.clients.iter_mut().for_each(|client| client.may_lose_store = true);
                }
                let page: Result<HistoryPage, _> =
                    if fails { Err(StoreError::Unavailable) } else { Ok(page) };
                self.hub.handle_history(fetch, page, now);
            }
            None => return,
        }
        self.act(model);
    }

    pub(crate) fn peek(&mut self, model: &Model, n: usize, max: usize) {
        let client = &mut self.clients[n];
        let Some(id) = client.id else { return };
        let mut frames = Vec::new();
        let written = self.hub.next_frames(id, max, &mut frames);
        match written {
            Some(written) => {
                assert!(client.is_named, "it has something to read and nobody said so");
                assert_eq!(written.bytes(), frames.iter().map(bytes::Bytes::len).sum::<usize>());
                let (first, rest) = (frames[0].len(), written.bytes());
                // Its own frames come in any case, and one event.
                assert!(rest <= max.max(first) + 600, "{rest} for {max}");
                client.held = Some((written, frames.concat()));
            }
            None => {
                client.is_named = false;
                client.held = None;
                // All of its own that the hub has heard of it was given, or it waits for a page.
                let head = self.hub.head();
                let epoch = head.epoch().number();
                let mut place = client.place(epoch);
                if client.seen.is_none()
                    && matches!(client.from, From::Earliest)
                    && epoch == model.epoch
                {
                    // It is not owed what is not kept.
                    place = place.max(model.trimmed());
                }
                let unread = model.unread(n, epoch, place);
                let unheard = model.unread(n, epoch, head.offset());
                client.awaits_page = unread.own > unheard.own;
                client.has_caught_up |= !client.awaits_page;
            }
        }
        self.act(model);
    }

    pub(crate) fn confirm(&mut self, model: &Model, n: usize, arrives: bool) -> bool {
        let client = &mut self.clients[n];
        let (Some(id), Some((written, wire))) = (client.id, client.held.take()) else {
            return false;
        };
        client.last_progress = model.now;
        self.hub.handle_written(id, written, at(model.now));
        if arrives {
            client.take(model, n, &wire);
        }
        self.act(model);
        // What did not arrive is lost with its connection.
        if !arrives {
            self.disconnect(model, n);
        }
        true
    }

    pub(crate) fn read(&mut self, model: &Model, n: usize) {
        loop {
            self.peek(model, n, 200);
            if !self.confirm(model, n, true) {
                return;
            }
        }
    }

    pub(crate) fn disconnect(&mut self, model: &Model, n: usize) {
        if let Some(id) = self.clients[n].id.take() {
            self.hub.handle_disconnect(id);
        }
        self.clients[n].held = None;
        self.act(model);
    }

    /// Time passes, as it does for a driver: from deadline to deadline.
    pub(crate) fn pass(&mut self, model: &Model, millis: u64) {
        let (mut then, end) = (model.now - millis, model.now);
        loop {
            let due = self.hub.poll_timeout().map(|deadline| deadline.at);
            let due = due.filter(|&due| due <= at(end));
            then = due.map_or(end, |due| {
                let millis = due.since_origin().as_millis() as u64;
                then.max(millis.saturating_sub(100_000))
            });
            self.hub.handle_timeout(at(then));
            let next = self.hub.poll_timeout().map(|deadline| deadline.at);
            assert!(next.is_none_or(|next| next > at(then)), "a deadline that does not move");
            let seen_at = Model { now: then, ..model.clone() };
            self.act(&seen_at);
            if due.is_none() {
                return;
            }
        }
    }
}

impl Client {
    /// Up to where it was given all of its own.
    fn place(&self, epoch: u64) -> u64 {
        let came_at = if self.joined == epoch { self.came_at } else { 0 };
        self.seen.filter(|&(seen, _)| seen == epoch).map_or(came_at, |(_, offset)| offset)
    }

    pub(crate) fn take(&mut self, model: &Model, n: usize, mut wire: &[u8]) {
        while let Some(item) = self.decoder.decode(&mut wire).unwrap() {
            let Item::Event(event) = item else { continue };
            let place = Cursor::parse(event.last_event_id);
            let place = place.map(|cursor| (cursor.epoch().number(), cursor.offset()));
            let was_greeted = core::mem::replace(&mut self.is_greeted, false);
            match event.event_type {
                "connected" => {
                    self.is_greeted = self.awaits_head;
                    if self.awaits_head {
                        self.seen = Some(place.expect("a fresh one is told its place"));
                    }
                    self.awaits_head = false;
                }
                "reset" => {
                    let (epoch, offset) = place.expect("a reset has an id");
                    let lost = |from: u64| {
                        epoch != model.epoch || model.owes(n, from + 1, offset.min(model.trimmed()))
                    };
                    match event.data {
                        r#"{"reason":"epoch"}"# => {
                            assert!(
                                self.joined != epoch
                                    || self.seen.is_none_or(|(old, _)| old != epoch)
                            )
                        }
                        r#"{"reason":"malformed"}"# => {
                            assert!(matches!(self.from, From::Malformed))
                        }
                        r#"{"reason":"future"}"# => assert!(matches!(self.from, From::Future)),
                        r#"{"reason":"trimmed"}"# => {
                            let (old, from) = self.seen.unwrap_or((epoch, 0));
                            assert!(
                                old != epoch || lost(from) || was_greeted,
                                "a gap that is none"
                            );
                        }
                        r#"{"reason":"skipped"}"# => {
                            assert!(
                                model.setting.overflow != Overflow::Cut && self.skipped_upto > 0
                            );
                        }
                        other => panic!("{other}"),
                    }
                    self.seen = Some((epoch, offset));
                }
                "message" => {
                    let (epoch, offset) = place.expect("an event has an id");
                    if epoch == model.epoch {
                        assert!(model.is_for(n, offset), "an event of somebody else");
                        match self.seen {
                            Some((old, seen)) => {
                                assert_eq!(old, epoch, "another epoch in silence");
                                assert!(offset > seen, "repeated");
                                let from = seen.max(match model.setting.overflow {
                                    Overflow::SkipToLatest => self.skipped_upto,
                                    _ => 0,
                                });
                                assert!(!model.owes(n, from + 1, offset - 1), "skipped in silence");
                            }
                            None => assert!(
                                !model.owes(n, model.trimmed() + 1, offset - 1)
                                    || matches!(self.from, From::Earliest),
                                "not from the beginning"
                            ),
                        }
                    }
                    self.seen = Some((epoch, offset));
                }
                "heartbeat" => {}
                other => panic!("{other}"),
            }
        }
        // A heartbeat may say that nothing of its own lies before a place, to one from the earliest as well.
        if let Some(cursor) = Cursor::parse(self.decoder.last_event_id()) {
            let (epoch, offset) = (cursor.epoch().number(), cursor.offset());
            let from = match self.seen {
                None => Some(model.trimmed()),
                Some((old, seen)) => (old == epoch && seen < offset).then_some(seen),
            };
            if let Some(from) = from {
                assert!(epoch != model.epoch || !model.owes(n, from + 1, offset), "an id too far");
                self.seen = Some((epoch, offset));
            }
        }
    }
}
