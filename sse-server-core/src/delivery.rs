//! What a subscriber reads: peeked, then confirmed.

use alloc::{format, vec::Vec};
use core::time::Duration;

use bytes::Bytes;
use sse_codec::{EventType, Frame, OutgoingEvent, time::Instant};

use crate::{
    config::Overflow,
    cursor::{Cursor, ResetReason},
    hub::Hub,
    output::{CloseReason, SubscriberId},
    subscriber::{Control, Heartbeat, Opening, Pace, Phase, Subscriber, Written},
    timers::millis,
};

impl Hub {
    /// Adds the frames that a subscriber reads next to `out`: its own first, then events, about
    /// `max_bytes` of them. Of words on presence it gives half as much, and of these and of events
    /// one at least.
    ///
    /// Nothing moves until [`handle_written`](Self::handle_written) confirms them: asked again, it
    /// gives the same, and perhaps more. `None` when there is nothing; the subscriber is then named
    /// by [`poll_ready`](Self::poll_ready) as soon as there is.
    pub fn next_frames(
        &mut self,
        id: SubscriberId,
        max_bytes: usize,
        out: &mut Vec<Bytes>,
    ) -> Option<Written> {
        self.recall(id);
        let subscriber = self.subscribers.get(id)?;
        let mut written = Written {
            epoch: self.log.head().epoch(),
            from: subscriber.cursor,
            upto: subscriber.cursor,
            control: Control::default(),
            words: None,
            events: 0,
            bytes: 0,
        };
        self.control_frames(id, subscriber, max_bytes, &mut written, out);
        self.event_frames(subscriber, max_bytes, &mut written, out);
        // Whatever else is written makes a heartbeat needless.
        written.control.heartbeat = subscriber.control.heartbeat;
        if let Some(heartbeat) = written.control.heartbeat.filter(|_| written.bytes == 0) {
            written.push(out, self.heartbeat_frame(heartbeat, subscriber));
        }
        if written.bytes > 0 {
            // Should the log give up what follows while these are on their way, that is a gap to whoever reads
            // them. A reset that is on its way stands until it is confirmed.
            let gives_place = written.events > 0 && written.control.reset.is_none();
            if gives_place && subscriber.pace == Pace::FromEarliest {
                self.catches_up(id);
            }
            return Some(written);
        }
        self.rest(id);
        None
    }

    /// Takes the confirmation that frames were written: only now the cursor moves.
    pub fn handle_written(&mut self, id: SubscriberId, written: Written, now: Instant) {
        self.counters.delivered += u64::from(written.events);
        self.counters.written_bytes += written.bytes as u64;
        self.counters.resets += u64::from(written.control.reset.is_some());
        self.counters.heartbeats += u64::from(written.is_heartbeat());
        let epoch = self.log.head().epoch();
        let Some(subscriber) = self.subscribers.get_mut(id) else { return };
        subscriber.touched = millis(now);
        let in_place = written.epoch == epoch && written.from == subscriber.cursor;
        subscriber.control.written(written.control, in_place);
        if let Some(told) = written.words {
            subscriber.control.presence = self.words.confirm(id.index, told);
        }
        // It knows a place now, after which whatever it is not given is a gap.
        let is_placed = written.events > 0 || (in_place && written.control.reset.is_some());
        if is_placed && subscriber.pace == Pace::FromEarliest {
            subscriber.pace = Pace::CatchingUp;
        }
        // The place may have been given up since the peek: a new epoch, an answer of the store.
        if in_place {
            subscriber.cursor = written.upto;
            self.turn_page(id, now);
        } else if written.epoch == epoch
            && written.events > 0
            && (written.from..=written.upto).contains(&subscriber.cursor)
        {
            // What it was made to skip, or the log gave up, was on its way: nothing was lost by it.
            // But a page of the latest leaves out what lies between them.
            subscriber.cursor = written.upto;
            let is_whole = matches!(subscriber.phase, Phase::Live)
                || self.config.overflow != Overflow::SkipToLatest;
            if is_whole || subscriber.control.reset != Some(ResetReason::Skipped) {
                subscriber.control.reset = None;
            }
            self.turn_page(id, now);
        }
    }

    /// Takes the report that a part of what [`next_frames`](Self::next_frames) gave was written: a
    /// reader of a large frame that takes it bit by bit does not stand still. The cursor moves with
    /// [`handle_written`](Self::handle_written) alone.
    pub fn handle_progress(&mut self, id: SubscriberId, now: Instant) {
        if let Some(subscriber) = self.subscribers.get_mut(id) {
            subscriber.touched = millis(now);
        }
    }

    fn control_frames(
        &self,
        id: SubscriberId,
        subscriber: &Subscriber,
        max_bytes: usize,
        written: &mut Written,
        out: &mut Vec<Bytes>,
    ) {
        let Control { opening, reset, retry, presence, .. } = subscriber.control;
        written.control.opening = opening;
        if let Some(opening) = opening {
            // A comment first: some proxies hold a response back until its first bytes.
            written.push(out, Frame::comment("welcome"));
            written.push(out, self.connected(id, opening, subscriber.cursor));
        }
        // Where a replay begins is known once the store has answered.
        let replay_begun = match &subscriber.phase {
            Phase::Live => true,
            Phase::Replaying(replay) => replay.page.is_some(),
        };
        if let Some(reason) = reset.filter(|_| replay_begun) {
            written.control.reset = reset;
            written.push(out, self.reset(reason, subscriber.cursor));
        }
        written.control.presence = presence;
        if presence {
            // One at least, and at least one event behind them: neither holds the other up.
            for (word, told) in self.words.due(id.index) {
                if written.words.is_some() && written.bytes + word.len() > max_bytes / 2 {
                    break;
                }
                written.bytes += word.len();
                written.words = Some(told);
                out.push(word.clone());
            }
        }
        written.control.retry = retry;
        if retry {
            let time = self.retry(id) + self.spread(id);
            written.push(out, OutgoingEvent::new().reconnection_time(time).encode());
        }
    }

    fn event_frames(
        &self,
        subscriber: &Subscriber,
        max_bytes: usize,
        written: &mut Written,
        out: &mut Vec<Bytes>,
    ) {
        let mut take = |offset, frame: &Bytes| {
            let is_owed = written.bytes == 0 || (written.words.is_some() && written.events == 0);
            if !is_owed && written.bytes + frame.len() > max_bytes {
                return false;
            }
            written.bytes += frame.len();
            written.events += 1;
            written.upto = offset;
            out.push(frame.clone());
            true
        };
        match &subscriber.phase {
            Phase::Live => {
                self.log.each_after(self.numbers(subscriber), subscriber.cursor, take);
            }
            Phase::Replaying(replay) => {
                let Some(page) = &replay.page else { return };
                let read = page.entries.partition_point(|entry| entry.offset <= subscriber.cursor);
                for entry in &page.entries[read..] {
                    if !take(entry.offset, &entry.frame) {
                        break;
                    }
                }
            }
        }
    }

    /// From now on what is not kept is a gap.
    fn catches_up(&mut self, id: SubscriberId) {
        if let Some(subscriber) = self.subscribers.get_mut(id) {
            subscriber.pace = Pace::CatchingUp;
        }
    }

    /// Notes that a subscriber has read all there is.
    fn rest(&mut self, id: SubscriberId) {
        let Some(subscriber) = self.subscribers.get_mut(id) else { return };
        subscriber.pending = false;
        if matches!(subscriber.phase, Phase::Live) {
            subscriber.pace = Pace::Live;
            if subscriber.closing {
                self.end(id, CloseReason::Drained);
            }
        }
    }

    fn connected(&self, id: SubscriberId, opening: Opening, cursor: u64) -> Frame {
        let event = OutgoingEvent::new()
            .event_type(reserved("connected"))
            .reconnection_time(self.retry(id))
            .data(format!("{{\"clientId\":\"{:016x}\"}}", self.client_id(id)));
        match opening {
            Opening::Fresh => event.id(self.cursor_at(cursor).id()).encode(),
            Opening::Resumed => event.encode(),
        }
    }

    fn reset(&self, reason: ResetReason, cursor: u64) -> Frame {
        OutgoingEvent::new()
            .event_type(reserved("reset"))
            .id(self.cursor_at(cursor).id())
            .data(format!("{{\"reason\":\"{}\"}}", reason.as_str()))
            .encode()
    }

    fn heartbeat_frame(&self, heartbeat: Heartbeat, subscriber: &Subscriber) -> Frame {
        let mut event = OutgoingEvent::new();
        // Its place may be another since; one that waits to be told so must not be told the place
        // alone.
        let heartbeat = match subscriber.control.reset {
            Some(_) => Heartbeat::Comment,
            None => heartbeat,
        };
        if heartbeat == Heartbeat::Id {
            event = event.id(self.cursor_at(subscriber.cursor).id());
        }
        match (self.config.heartbeat_event, heartbeat) {
            (Some(origin), _) => {
                let time = origin.as_millis() + u128::from(subscriber.touched);
                let data = format!("{{\"time\":{time}}}");
                event.event_type(reserved("heartbeat")).data(data).encode()
            }
            (None, Heartbeat::Comment) => Frame::comment("heartbeat"),
            (None, Heartbeat::Id) => event.encode(),
        }
    }

    const fn cursor_at(&self, offset: u64) -> Cursor {
        Cursor::new(self.log.head().epoch(), offset)
    }

    /// The reconnection time that a stream states: the usual one, give or take half.
    fn retry(&self, id: SubscriberId) -> Duration {
        self.config.retry / 2 + portion(self.config.retry, self.noise(id, 1))
    }

    /// Over how long the subscribers that a drain ends are told to come back, so that very many do not
    /// at once: about 400 a second. Zero before a drain.
    pub fn drain_spread(&self) -> Duration {
        let crowd = self.drain.map_or(0, |drain| drain.crowd);
        let micros = u64::try_from(crowd).unwrap_or(u64::MAX).saturating_mul(2500);
        self.config.drain_spread.min(Duration::from_micros(micros))
    }

    /// How much longer than usual a subscriber waits after a drain.
    fn spread(&self, id: SubscriberId) -> Duration {
        portion(self.drain_spread(), self.noise(id, 2))
    }

    /// A number that looks random, always the same for the same subscriber and use. Over the
    /// subscribers of a hub no number comes twice.
    pub(crate) fn noise(&self, id: SubscriberId, usage: u64) -> u64 {
        let key = |n: u64| mix(self.seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let id = u64::from(id.generation) << 32 | u64::from(id.index);
        // Clients see some of these and can guess their place in the table. A key before, between
        // and after, so that this does not give them the seed, by which names are hashed as well.
        mix(mix(id ^ key(3 * usage + 1)).wrapping_add(key(3 * usage + 2))) ^ key(3 * usage + 3)
    }
}

/// The finalizer of SplitMix64, a bijection.
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Written {
    /// Whether it is a heartbeat and nothing else: with anything else none is written.
    fn is_heartbeat(&self) -> bool {
        let Control { heartbeat, .. } = self.control;
        heartbeat.is_some()
            && self.events == 0
            && self.control == Control { heartbeat, ..Control::default() }
    }

    fn push(&mut self, out: &mut Vec<Bytes>, frame: Frame) {
        let frame = frame.into_bytes();
        self.bytes += frame.len();
        out.push(frame);
    }
}

pub(crate) fn reserved(name: &'static str) -> EventType<'static> {
    // One of the hub's own, without line breaks.
    EventType::new(name).unwrap_or_else(|_| unreachable!())
}

/// A part of `whole` as chosen by a random number, in whole milliseconds.
pub(crate) fn portion(whole: Duration, random: u64) -> Duration {
    let millis = (whole.as_millis().min(u128::from(u64::MAX)) * u128::from(random)) >> 64;
    Duration::from_millis(millis as u64)
}
