//! Heartbeats, stalls, expiry, drain: in virtual time.
#![forbid(unsafe_code)]

mod common;

use core::time::Duration;

use common::{World, data, events, secs};
use sse_codec::EventType;
use sse_server_core::{
    CloseReason, Cursor, Epoch, HubConfig, Log, Output, Publish, PublishError, Resume, Retention,
    Subscribe, SubscribeError,
};

#[test]
fn only_the_idle_get_a_heartbeat() {
    let mut world = World::new();
    let (idle, busy) =
        (world.subscribe(&["a"], Resume::Fresh), world.subscribe(&["b"], Resume::Fresh));
    world.read(idle);
    world.read(busy);
    world.pass(secs(10));
    world.publish(&["b"], "1");
    world.read(busy);
    world.ready();
    world.pass(secs(6));
    assert_eq!(world.ready(), [idle]);
    assert_eq!(world.read(idle), "id: e-1\n\n", "the head has moved past what it knows");
    world.pass(secs(15));
    assert_eq!(world.read(idle), ": heartbeat\n\n", "it has not moved since");
    assert_eq!(world.read(busy), ": heartbeat\n\n");
}

#[test]
fn the_id_of_a_heartbeat_keeps_a_quiet_topic_resumable() {
    let mut world = World::with(HubConfig::default(), Retention::DEFAULT.events(2));
    let id = world.subscribe(&["quiet"], Resume::Fresh);
    world.read(id);
    for _ in 0..5 {
        world.publish(&["loud"], "x");
    }
    world.pass(secs(15));
    assert_eq!(world.read(id), "id: e-5\n\n");
    world.publish(&["quiet"], "at last");
    assert_eq!(data(&world.read(id)), ["at last"]);
}

#[test]
fn a_heartbeat_that_was_due_in_another_epoch_carries_no_id_of_the_new_one() {
    let mut world = World::new();
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    world.publish(&["b"], "not its own");
    world.pass(secs(15));
    // Before it is written the store begins anew, and the hub hears of it late.
    let start = Cursor::new(Epoch::new(0xf), 7);
    world.store = Log::new(Retention::DEFAULT, start, 1);
    world.store_sleeps = true;
    world.publish(&["b"], "the first");
    let Some(Output::Append { event, .. }) = world.held.pop_front() else { panic!("no append") };
    let event = event.place(Cursor::new(start.epoch(), 8));
    world.store.append(&event, world.now);
    world.hub.handle_appended(&event, world.now);
    assert_eq!(world.read(id), ": heartbeat\n\n", "it waits for a page");
    world.answer();
    assert_eq!(common::resets(&world.read(id)), [r#"{"reason":"epoch"}"#]);
}

#[test]
fn an_event_in_time_makes_a_due_heartbeat_needless() {
    let mut world = World::new();
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    world.pass(secs(15));
    world.publish(&["a"], "1");
    let wire = world.read(id);
    assert!(!wire.contains("heartbeat") && data(&wire) == ["1"], "{wire}");
}

#[test]
fn heartbeats_can_be_off() {
    let mut config = HubConfig::default();
    config.heartbeat = None;
    let mut world = World::with(config, Retention::DEFAULT);
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    world.pass(secs(31));
    assert_eq!(world.hub.poll_timeout(), None, "nothing is due, so nothing wakes");
    assert_eq!(world.read(id), "");
}

#[test]
fn one_that_reads_nothing_for_too_long_is_cut() {
    let mut world = World::new();
    let (stalled, trickling) =
        (world.subscribe(&["a"], Resume::Fresh), world.subscribe(&["a"], Resume::Fresh));
    world.read(stalled);
    world.read(trickling);
    for n in 0..10 {
        world.publish(&["a"], &n.to_string());
    }
    for _ in 0..3 {
        world.pass(secs(10));
        world.read_some(trickling, 1);
    }
    world.pass(secs(1));
    assert_eq!(world.closed, [(stalled, CloseReason::Slow)]);
    assert_eq!(world.hub.counters().cut_for_stall, 1);
}

#[test]
fn one_that_takes_a_large_frame_bit_by_bit_does_not_stand_still() {
    let mut world = World::new();
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    world.publish(&["a"], "x");
    let written = world.hub.next_frames(id, 1000, &mut Vec::new()).unwrap();
    for _ in 0..5 {
        world.pass(secs(29));
        world.hub.handle_progress(id, world.now);
    }
    assert_eq!(world.closed, []);
    world.hub.handle_written(id, written, world.now);
    world.publish(&["a"], "y");
    assert!(world.hub.next_frames(id, 1000, &mut Vec::new()).is_some());
    world.pass(secs(20));
    world.hub.handle_progress(id, world.now);
    world.pass(secs(29));
    assert_eq!(world.closed, []);
    world.pass(secs(2));
    assert_eq!(world.closed, [(id, CloseReason::Slow)]);
}

#[test]
fn a_heartbeat_that_nobody_reads_is_a_stall_too() {
    let mut world = World::new();
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    world.pass(secs(46));
    assert_eq!(world.closed, [(id, CloseReason::Slow)]);
}

#[test]
fn a_stall_shorter_than_the_heartbeat_is_noticed_in_time() {
    let mut config = HubConfig::default();
    config.max_stall = secs(2);
    config.heartbeat = None;
    let mut world = World::with(config, Retention::DEFAULT);
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    world.pass(secs(100));
    world.publish(&["a"], "1");
    world.pass(secs(1));
    assert_eq!(world.closed, []);
    world.pass(secs(2));
    assert_eq!(world.closed, [(id, CloseReason::Slow)]);
}

#[test]
fn a_subscription_ends_with_its_grant() {
    let mut world = World::new();
    let request = Subscribe::default().expires(world.now + secs(100));
    let id = world.hub.subscribe(request, world.now).unwrap();
    for _ in 0..9 {
        world.read(id);
        world.pass(secs(11));
    }
    assert_eq!(world.closed, []);
    world.pass(secs(2));
    assert_eq!(world.closed, [(id, CloseReason::Expired)]);
    let late = Subscribe::default().expires(world.now);
    assert_eq!(world.hub.subscribe(late, world.now), Err(SubscribeError::Expired));
}

#[test]
fn a_drain_lets_those_who_read_read_to_the_end() {
    let mut world = World::new();
    let reads = world.subscribe(&["a"], Resume::Fresh);
    let stalls = world.subscribe(&["a"], Resume::Fresh);
    world.read(reads);
    world.publish(&["a"], "acknowledged");
    world.hub.drain(world.now + secs(20), world.now);
    let wire = world.read(reads);
    assert!(wire.starts_with("retry: "), "{wire}");
    assert_eq!(data(&wire), ["acknowledged"]);
    assert_eq!(world.closed, [(reads, CloseReason::Drained)]);
    assert!(!world.hub.is_drained());
    world.pass(secs(21));
    assert_eq!(world.closed, [(reads, CloseReason::Drained), (stalls, CloseReason::Drained)]);
    assert!(world.hub.is_drained());
    assert_eq!(world.hub.poll_timeout(), None);
}

#[test]
fn a_drain_ends_the_idle_at_once_and_takes_nothing_more() {
    let mut world = World::new();
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    world.hub.drain(world.now + secs(20), world.now);
    assert_eq!(world.ready(), [id]);
    assert!(world.read(id).starts_with("retry: "));
    assert!(world.hub.is_drained());
    let refused = world.hub.subscribe(Subscribe::default(), world.now);
    assert_eq!(refused, Err(SubscribeError::Draining));
    let event = Publish::new([common::topic("a")], "").event_type(EventType::new("x").unwrap());
    assert_eq!(world.hub.publish(event, world.now), Err(PublishError::Draining));
}

#[test]
fn a_large_crowd_is_told_to_come_back_over_twenty_seconds() {
    let mut world = World::new();
    let ids: Vec<_> = (0..10_000).map(|_| world.subscribe(&[], Resume::Fresh)).collect();
    for &id in &ids {
        world.read(id);
    }
    world.hub.drain(world.now + secs(20), world.now);
    let mut seconds = [0; 32];
    for &id in &ids {
        let wire = world.read(id);
        let retry = wire.strip_prefix("retry: ").and_then(|rest| rest.trim_end().parse().ok());
        let retry: usize = retry.unwrap();
        seconds[retry / 1000] += 1;
    }
    let most = seconds.iter().max().unwrap();
    assert!(*most <= 600, "{seconds:?}");
    assert_eq!(world.closed.len(), 10_000);
}

#[test]
fn the_same_seed_says_the_same() {
    let run = || {
        let mut world = World::new();
        let ids: Vec<_> = (0..5).map(|_| world.subscribe(&["a"], Resume::Fresh)).collect();
        world.pass(secs(20));
        world.publish(&["a"], "1");
        ids.iter().map(|&id| world.read(id)).collect::<String>()
    };
    assert_eq!(run(), run());
    assert_eq!(events(&run()).len(), 10);
}

#[test]
fn a_heartbeat_can_be_an_event_that_carries_the_time() {
    let mut config = HubConfig::default();
    config.heartbeat_event = Some(Duration::from_secs(1_700_000_000));
    let mut world = World::with(config, Retention::DEFAULT);
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    world.pass(secs(15));
    let wire = world.read(id);
    let beats = events(&wire);
    assert_eq!(beats[0].event_type, "heartbeat");
    let time = beats[0].data.strip_prefix("{\"time\":").and_then(|t| t.strip_suffix('}'));
    let time: u64 = time.unwrap().parse().unwrap();
    assert!((1_700_001_013_000..=1_700_001_015_000).contains(&time), "{time}");
    assert!(!wire.contains("id:"));
    // The head moved by what is not its own.
    let place = world.publish(&["b"], "x");
    world.pass(secs(15));
    assert_eq!(events(&world.read(id))[0].last_event_id, place.to_string());
}
