//! Who gets what, in which order, and what a publish is answered.
#![forbid(unsafe_code)]

mod common;

use core::time::Duration;

use common::{EPOCH, World, data, events, secs, topic};
use sse_codec::EventType;
use sse_server_core::{
    CloseReason, Cursor, HubConfig, Publish, PublishError, PublishKey, Receipt, Resume, Retention,
    StoreError, Subscribe, SubscribeError, Topic,
};

#[test]
fn the_first_event_is_connected_and_carries_the_head() {
    let mut world = World::new();
    world.publish(&["a"], "before");
    let id = world.subscribe(&["a"], Resume::Fresh);
    assert_eq!(world.ready(), [id]);
    let wire = world.read(id);
    assert!(wire.starts_with(": welcome\n\nevent: connected\nid: e-1\nretry: "), "{wire}");
    let first = &events(&wire)[0];
    assert!(first.data.starts_with("{\"clientId\":\""), "{first:?}");
    assert_eq!(data(&wire), [""; 0], "what came before is not for a fresh subscription");
}

#[test]
fn an_event_reaches_the_subscribers_of_its_topics_and_nobody_else() {
    let mut world = World::new();
    let ids: Vec<_> = [&["a"][..], &["b"], &["a", "b"], &[]]
        .map(|topics| world.subscribe(topics, Resume::Fresh))
        .into();
    for &id in &ids {
        world.read(id);
    }
    world.ready();
    world.publish(&["a"], "1");
    assert_eq!(world.ready(), [ids[0], ids[2]]);
    world.publish(&["b"], "2");
    world.publish(&["$all"], "3");
    let got: Vec<_> = ids.iter().map(|&id| data(&world.read(id)).concat()).collect();
    assert_eq!(got, ["13", "23", "123", "3"]);
}

#[test]
fn an_event_of_several_topics_reaches_a_subscriber_once() {
    let mut world = World::new();
    let id = world.subscribe(&["a", "b", "c"], Resume::Fresh);
    world.read(id);
    world.publish(&["a", "b", "$all", "a"], "once");
    assert_eq!(data(&world.read(id)), ["once"]);
}

#[test]
fn frames_are_the_same_until_they_are_confirmed() {
    let mut world = World::new();
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.publish(&["a"], "1");
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let written = world.hub.next_frames(id, 4096, &mut first).unwrap();
    let _ = world.hub.next_frames(id, 4096, &mut second).unwrap();
    assert_eq!(first, second);
    world.hub.handle_written(id, written, world.now);
    assert_eq!(world.read(id), "");
}

#[test]
fn a_write_holds_as_many_frames_as_fit_and_one_at_least() {
    let mut world = World::new();
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    for n in 0..5 {
        world.publish(&["a"], &n.to_string());
    }
    let frame = "id: e-1\ndata: 0\n\n".len();
    assert_eq!(data(&world.read_some(id, 2 * frame)), ["0", "1"]);
    assert_eq!(data(&world.read_some(id, 1)), ["2"]);
    assert_eq!(data(&world.read(id)), ["3", "4"]);
}

#[test]
fn one_that_is_ready_is_named_once_until_it_has_read_all() {
    let mut world = World::new();
    let id = world.subscribe(&["a"], Resume::Fresh);
    assert_eq!(world.ready(), [id]);
    world.publish(&["a"], "1");
    assert_eq!(world.ready(), [], "it knows");
    world.read(id);
    world.publish(&["a"], "2");
    assert_eq!(world.ready(), [id]);
}

#[test]
fn a_name_is_never_given_twice() {
    let mut world = World::new();
    let old = world.subscribe(&["a"], Resume::Fresh);
    world.hub.handle_disconnect(old);
    let between = world.subscribe(&["b"], Resume::Fresh);
    assert_eq!(world.ready(), [between], "the list passes over one that has gone");
    world.hub.handle_disconnect(between);
    let new = world.subscribe(&["b"], Resume::Fresh);
    assert!(new != old && new != between);
    assert_eq!(world.read(old), "", "a stale name reads nothing");
    world.hub.handle_disconnect(old);
    world.publish(&["b"], "here");
    assert_eq!(data(&world.read(new)), ["here"], "a stale name ends nobody");
}

#[test]
fn those_who_leave_take_nobody_elses_seat() {
    let mut world = World::new();
    let ids: Vec<_> = (0..6).map(|_| world.subscribe(&["a", "b"], Resume::Fresh)).collect();
    for &id in &[ids[0], ids[5], ids[2]] {
        world.hub.handle_disconnect(id);
    }
    for &id in &ids {
        world.read(id);
    }
    world.publish(&["b"], "still");
    let got: Vec<_> = ids.iter().map(|&id| data(&world.read(id)).concat()).collect();
    assert_eq!(got, ["", "still", "", "still", "still", ""]);
    assert_eq!(world.hub.counters().subscribers, 3);
}

#[test]
fn one_that_asks_twice_for_its_own_has_one_seat_there() {
    let mut world = World::new();
    let ask = |world: &mut World| {
        let own = Topic::user("ann").unwrap();
        let request = Subscribe::new([topic("a"), own, Topic::all()]).user("ann").unwrap();
        world.hub.subscribe(request, world.now).unwrap()
    };
    let ids = [ask(&mut world), ask(&mut world), ask(&mut world)];
    world.hub.handle_disconnect(ids[0]);
    world.hub.handle_disconnect(ids[2]);
    world.read(ids[1]);
    let event = Publish::new([Topic::user("ann").unwrap()], "hers");
    world.hub.publish(event, world.now).unwrap();
    world.act();
    assert_eq!(data(&world.read(ids[1])), ["hers"]);
    assert_eq!(world.ready(), [ids[1]], "named once");
}

#[test]
fn a_publish_is_answered_with_its_place() {
    let mut world = World::new();
    world.publish(&["a"], "1");
    let second = world.publish(&["b"], "2");
    assert_eq!(world.done.last().unwrap(), &Ok(Receipt::new(second)));
    assert_eq!(second.to_string(), "e-2");
}

#[test]
fn an_event_that_comes_again_by_its_key_is_answered_and_not_delivered_again() {
    let mut world = World::new();
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    let mut publish = |key: &str, data: &str| {
        let key = PublishKey::new(key).unwrap().by("ann");
        let event = Publish::new([topic("a")], data).key(key);
        world.hub.publish(event, world.now).unwrap();
        world.act();
        world.done.pop().unwrap()
    };
    let first = publish("k", "once").unwrap();
    assert_eq!(publish("other", "twice"), Ok(Receipt::new(Cursor::new(EPOCH, 2))));
    assert_eq!(publish("k", "once"), Ok(Receipt::repeat(first.cursor)));
    assert_eq!(publish("k", "changed"), Err(PublishError::Store(StoreError::KeyReused)));
    assert_eq!(data(&world.read(id)), ["once", "twice"]);
    assert_eq!(world.hub.counters().repeats, 1);
}

#[test]
fn what_is_not_an_event_is_refused_with_a_reason() {
    let mut config = HubConfig::default();
    config.max_event = 10;
    config.max_topics = 2;
    let mut world = World::with(config, Retention::DEFAULT);
    let now = world.now;
    let mut refuse = |event: Publish| world.hub.publish(event, now).unwrap_err();
    let typed = |name: &'static str| {
        Publish::new([topic("a")], "").event_type(EventType::new(name).unwrap())
    };
    assert_eq!(refuse(Publish::new([], "x")), PublishError::NoTopic);
    for name in ["connected", "reset", "heartbeat", "presence"] {
        assert_eq!(refuse(typed(name)), PublishError::ReservedType);
    }
    assert!(matches!(refuse(typed("a\0b")), PublishError::InvalidType { at: 1, .. }));
    assert!(matches!(
        refuse(Publish::new(["a", "b", "c"].map(topic), "")),
        PublishError::TooManyTopics { count: 3, max: 2, .. }
    ));
    assert!(matches!(
        refuse(Publish::new([topic("a")], "12345678901")),
        PublishError::TooLarge { len: 11, max: 10, .. }
    ));
}

#[test]
fn publishes_that_the_store_does_not_answer_are_bounded() {
    let mut config = HubConfig::default();
    config.max_pending = 2;
    let mut world = World::with(config, Retention::DEFAULT);
    world.store_sleeps = true;
    world.publish(&["a"], "1");
    world.publish(&["a"], "2");
    let third = world.hub.publish(Publish::new([topic("a")], "3"), world.now);
    assert_eq!(third, Err(PublishError::Busy));
    world.answer();
    world.publish(&["a"], "4");
}

#[test]
fn subscriptions_have_limits() {
    let mut config = HubConfig::default();
    config.max_topics = 2;
    config.max_subscribers = 1;
    let mut world = World::with(config, Retention::DEFAULT);
    let three = Subscribe::new(["a", "b", "c"].map(topic));
    assert!(matches!(
        world.hub.subscribe(three, world.now),
        Err(SubscribeError::TooManyTopics { count: 3, max: 2, .. })
    ));
    world.subscribe(&["a", "b", "a"], Resume::Fresh);
    let second = world.hub.subscribe(Subscribe::default(), world.now);
    assert_eq!(second, Err(SubscribeError::Full));
}

#[test]
fn one_that_lags_by_too_many_bytes_is_cut() {
    let mut config = HubConfig::default();
    config.max_lag = 1000;
    config.lag_grace = secs(0);
    let mut world = World::with(config, Retention::DEFAULT);
    let (slow, other) =
        (world.subscribe(&["a"], Resume::Fresh), world.subscribe(&["b"], Resume::Fresh));
    world.read(slow);
    world.read(other);
    for _ in 0..30 {
        world.publish(&["b"], &"x".repeat(80));
        world.read(other);
    }
    assert_eq!(world.closed, [], "events of other topics are no lag");
    for n in 0..20 {
        world.publish(&["a"], &"x".repeat(80));
        assert_eq!(world.closed.is_empty(), n < 11, "{n}");
    }
    assert_eq!(world.closed, [(slow, CloseReason::Slow)]);
    assert_eq!(world.hub.counters().cut_for_lag, 1);
}

#[test]
fn a_burst_that_nobody_had_the_time_to_read_cuts_nobody() {
    let mut config = HubConfig::default();
    config.max_lag = 1000;
    config.lag_grace = secs(1);
    let mut world = World::with(config, Retention::DEFAULT);
    let (prompt, slow) =
        (world.subscribe(&["*"], Resume::Fresh), world.subscribe(&["*"], Resume::Fresh));
    world.read(prompt);
    world.read(slow);
    // One event may be more than anybody may lag by, and find a subscriber by several topics.
    world.publish(&["a", "b"], &"x".repeat(5000));
    for _ in 0..20 {
        world.publish(&["a"], &"x".repeat(80));
    }
    assert_eq!(world.closed, []);
    world.read(prompt);
    for _ in 0..2 {
        world.now = world.now + secs(1);
        world.publish(&["a"], "later");
    }
    assert_eq!(world.closed, [(slow, CloseReason::Slow)]);
}

#[test]
fn under_a_steady_flood_one_lags_by_the_limit_and_what_comes_in_twice_the_grace_at_most() {
    const EVENT: usize = 100;
    let (every, grace) = (Duration::from_millis(10), Duration::from_millis(250));
    let mut config = HubConfig::default();
    config.max_lag = 10_000;
    config.lag_grace = grace;
    let max = config.max_lag as usize;
    let mut world = World::with(config, Retention::DEFAULT);
    let slow = world.subscribe(&["a"], Resume::Fresh);
    world.read(slow);
    let mut published = 0;
    while world.closed.is_empty() {
        world.publish(&["a"], &"x".repeat(EVENT));
        published += 1;
        let most = max / EVENT + 2 * (grace.as_millis() / every.as_millis()) as usize + 2;
        assert!(published <= most, "{published} events, and it is not cut");
        world.now = world.now + every;
    }
    assert_eq!(world.closed, [(slow, CloseReason::Slow)]);
    // Encoded, one is a little more.
    let least = max / (EVENT + "id: e-100\ndata: \n\n".len())
        + (grace.as_millis() / every.as_millis()) as usize;
    assert!(published >= least, "{published} events, of which the last do not count");
}

#[test]
fn one_that_catches_up_on_history_does_not_lag() {
    let mut config = HubConfig::default();
    config.max_lag = 1000;
    config.lag_grace = secs(0);
    let mut world = World::with(config, Retention::DEFAULT);
    for n in 0..50 {
        world.publish(&["a"], &format!("{n:>80}"));
    }
    let id = world.subscribe(&["a"], Resume::Earliest);
    world.publish(&["a"], "live");
    world.publish(&["a"], "more");
    assert_eq!(world.closed, []);
    assert_eq!(data(&world.read(id)).len(), 52);
}
