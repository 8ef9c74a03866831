//! Settings that would lose events are refused, and those that are taken lose none.
#![forbid(unsafe_code)]

mod common;

use common::{World, data, resets, secs, topic};
use sse_server_core::{AdmissionConfig, HubConfig, InvalidConfig, Publish, Resume, Retention};

#[test]
fn the_defaults_work_together() {
    assert_eq!(HubConfig::default().check(&Retention::DEFAULT), Ok(()));
}

#[test]
fn what_is_kept_must_outlast_a_slow_subscriber_and_hold_one_event() {
    let refuse = |change: fn(&mut HubConfig), store: Retention| {
        let mut config = HubConfig::default();
        change(&mut config);
        config.check(&store).unwrap_err().to_string()
    };
    let store = Retention::DEFAULT;
    assert_eq!(
        refuse(|_| {}, store.bytes(1 << 20)),
        "retention of 1048576 bytes does not exceed the lag of 1048576 bytes at which a slow \
         subscriber is cut; raise the one or lower the other"
    );
    let words = refuse(|config| config.window = config.window.bytes(4096), store);
    assert!(words.starts_with("window of 4096 bytes does not exceed the lag"));
    let words = refuse(|_| {}, store.bytes((1 << 20) + 1));
    assert!(words.starts_with("retention of 1048577 bytes does not hold the largest"), "{words}");
    assert!(words.ends_with("raise it to that, or lower max_event"), "{words}");
    assert!(refuse(|_| {}, store.events(0)).starts_with("retention of 0 bytes does not hold"));
    assert!(refuse(|_| {}, store.age(Some(secs(30)))).starts_with("retention of 30s does not"));
    let words = refuse(|config| config.heartbeat = Some(secs(0)), store);
    assert_eq!(words, "heartbeat of 0ns is too short; the least is 10ms");
    let words = refuse(|config| config.max_fetches = 0, store);
    assert_eq!(words, "max_fetches is 0, with which nothing could be done; the least is 1");
    let words = refuse(|config| config.max_page_bytes = 1000, store);
    assert!(words.starts_with("max_page_bytes of 1000 is below page of 262144; raise"), "{words}");
}

#[test]
fn what_could_never_work_is_refused_and_told_what_would() {
    let refuse = |change: fn(&mut HubConfig)| {
        let mut config = HubConfig::default();
        change(&mut config);
        config.check(&Retention::DEFAULT).unwrap_err().to_string()
    };
    let storm = refuse(|config| config.retry = secs(0));
    assert_eq!(storm, "retry of 0ns is too short; the least is 10ms");
    let cut_by_one = refuse(|config| config.max_lag = 1000);
    assert_eq!(
        cut_by_one,
        "max_lag of 1000 is below max_event of 262144; raise the one or lower the other"
    );
    let busy = refuse(|config| config.max_pending_bytes = 1000);
    assert!(busy.starts_with("max_pending_bytes of 1000 is below max_event"), "{busy}");

    let refuse = |change: fn(&mut AdmissionConfig)| {
        let mut config = AdmissionConfig::default();
        assert_eq!(config.check(), Ok(()));
        change(&mut config);
        config.check().unwrap_err().to_string()
    };
    let nobody = refuse(|config| config.max_per_user = 0);
    assert_eq!(nobody, "max_per_user is 0, with which nothing could be done; the least is 1");
    assert!(refuse(|config| config.publish_rate = 0).starts_with("publish_rate is 0"));
    assert!(refuse(|config| config.ticket_wait = secs(0)).starts_with("ticket_wait of 0ns"));
}

#[test]
fn limits_without_end_are_refused_and_do_not_overflow() {
    for change in [
        (|config| config.max_event = usize::MAX) as fn(&mut HubConfig),
        |config| config.max_topics = usize::MAX,
        |config| config.max_patterns_in_use = usize::MAX,
        |config| (config.max_topics, config.max_patterns_in_use) = (usize::MAX, usize::MAX),
    ] {
        let mut config = HubConfig::default();
        change(&mut config);
        let words = config.check(&Retention::DEFAULT).unwrap_err().to_string();
        assert!(words.contains("does not hold the largest event"), "{words}");
    }
}

#[test]
fn the_largest_event_fits_into_the_least_that_is_taken() {
    let mut config = HubConfig::default();
    config.max_event = 50_000;
    config.max_lag = 50_000;
    config.max_patterns_in_use = 8;
    let Err(InvalidConfig::RetentionBelowEvent { event, .. }) =
        config.check(&Retention::DEFAULT.bytes(50_001))
    else {
        panic!("taken")
    };
    let least = Retention::DEFAULT.bytes(event);
    config.window = config.window.within(&least);
    assert_eq!(config.check(&least), Ok(()));
    let max = config.max_event;
    let mut world = World::with(config, least);
    let id = world.subscribe(&["*", "**", "*.*"], Resume::Fresh);
    world.read(id);
    let topics = (0..64).map(|n| topic(&format!("{n:02}.{}", "x".repeat(253))));
    world.hub.publish(Publish::new(topics, "\n".repeat(max)), world.now).unwrap();
    world.act();
    let wire = world.read(id);
    assert_eq!(resets(&wire), [""; 0]);
    let got: Vec<_> = data(&wire).iter().map(String::len).collect();
    assert_eq!(got, [max]);
}
