//! Limits, rates, tickets and presence; against a model that counts in the plainest way.
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
use std::net::IpAddr;

use common::{World, events, secs, selector};
use proptest::prelude::*;
use sse_codec::time::Instant;
use sse_server_core::{
    Admission, AdmissionConfig, AdmissionError, Pass, Resume, Ticket, TicketError, Topic, Visitor,
};

fn small() -> AdmissionConfig {
    let mut config = AdmissionConfig::default();
    config.max_per_user = 2;
    config.max_per_address = 3;
    config.max_streams = 6;
    config.publish_rate = 10;
    config.publish_burst = 5;
    config
}

fn at(millis: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(millis))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_user_and_an_address_have_so_many_streams_and_no_more() {
    let mut admission = Admission::new(small(), 1);
    let ann = || Visitor::new([]).user("ann");
    let first = admission.admit(ann(), at(0)).unwrap();
    admission.admit(ann(), at(0)).unwrap();
    let refusal = admission.admit(ann(), at(0));
    assert_eq!(refusal, Err(AdmissionError::TooManyForUser { max: 2 }));
    admission.release(first, at(0));
    admission.release(first, at(0));
    assert!(admission.admit(ann(), at(0)).is_ok(), "a place came free, and only one");
    assert!(admission.admit(ann(), at(0)).is_err());

    let mut admission = Admission::new(small(), 1);
    // All of one /64, and the same IPv4 host in both its forms.
    for n in 0..3 {
        let address = ip(&format!("2001:db8::{n}"));
        assert!(admission.admit(Visitor::new([]).address(address), at(0)).is_ok());
    }
    let refusal = admission.admit(Visitor::new([]).address(ip("2001:db8::ffff:1")), at(0));
    assert_eq!(refusal, Err(AdmissionError::TooManyForAddress { max: 3 }));
    for address in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8:0:1::1"] {
        assert!(admission.admit(Visitor::new([]).address(ip(address)), at(0)).is_ok());
    }
    assert_eq!(admission.admit(Visitor::new([]), at(0)), Err(AdmissionError::Full));
}

#[test]
fn a_principal_publishes_at_its_rate_after_a_burst() {
    let mut admission = Admission::new(small(), 1);
    assert_eq!(admission.publish("ann", 5, at(0)), Ok(()));
    let refusal = admission.publish("ann", 1, at(0));
    assert_eq!(refusal, Err(AdmissionError::TooFast { wait: Duration::from_millis(100) }));
    assert_eq!(admission.publish("bob", 5, at(0)), Ok(()), "each has its own");
    assert!(admission.publish("ann", 1, at(99)).is_err());
    assert_eq!(admission.publish("ann", 1, at(100)), Ok(()));
    assert!(admission.publish("ann", 1, at(100)).is_err());
    let refusal = admission.publish("ann", 6, at(10_000));
    assert_eq!(refusal, Err(AdmissionError::BurstTooLarge { count: 6, max: 5 }));
    assert_eq!(admission.publish("ann", 5, at(10_000)), Ok(()), "what was refused cost nothing");
}

#[test]
fn very_many_principals_take_bounded_memory_and_a_burst_is_not_forgiven_first() {
    let mut config = small();
    config.max_rates = 100;
    let mut admission = Admission::new(config, 1);
    assert_eq!(admission.publish("greedy", 5, at(0)), Ok(()));
    for n in 0..1000 {
        assert_eq!(admission.publish(&format!("{n}"), 1, at(0)), Ok(()));
    }
    assert!(admission.publish("greedy", 1, at(0)).is_err());
}

#[test]
fn a_ticket_is_good_for_one_stream_and_its_resumes() {
    let mut admission = Admission::new(AdmissionConfig::default(), 1);
    let secret = [7; 16];
    let ticket = Ticket::new([selector("a")]).for_user("ann").until(at(100_000));
    admission.issue_ticket(secret, ticket, at(0)).unwrap();
    let come = |admission: &mut Admission, resume, now| {
        admission.admit_by_ticket(&secret, resume, None, at(now)).map(|(pass, _)| pass)
    };
    let guess = admission.admit_by_ticket(&[8; 16], false, None, at(0)).err();
    assert_eq!(guess, Some(TicketError::Unknown));
    let pass = come(&mut admission, false, 59_999).unwrap();
    assert_eq!(come(&mut admission, true, 60_000), Err(TicketError::InUse));
    admission.release(pass, at(61_000));
    assert_eq!(come(&mut admission, false, 62_000), Err(TicketError::Used));
    let pass = come(&mut admission, true, 62_000).unwrap();
    admission.release(pass, at(99_000));
    assert_eq!(come(&mut admission, true, 100_000), Err(TicketError::Unknown), "its token ended");

    admission.issue_ticket([9; 16], Ticket::new([]), at(0)).unwrap();
    let late = admission.admit_by_ticket(&[9; 16], false, None, at(60_000)).err();
    assert_eq!(late, Some(TicketError::Unknown), "it waits 60 s for its first use");
}

#[test]
fn presence_is_told_to_those_who_watch_gathered_and_without_an_id() {
    let (mut admission, mut world) = (Admission::new(AdmissionConfig::default(), 1), World::new());
    let room = Topic::new("room").unwrap();
    let watcher = world.subscribe(&["$presence.room"], Resume::Fresh);
    world.read(watcher);
    let watch = Visitor::new([selector("$presence.room")]);
    admission.admit(watch, world.now).unwrap();
    let ann = Visitor::new([selector("room")]).user("ann");
    let passes: Vec<Pass> =
        (0..3).map(|_| admission.admit(ann.clone(), world.now).unwrap()).collect();
    admission.admit(Visitor::new([selector("*")]).user("b\"ob"), world.now).unwrap();
    assert_eq!(admission.poll_presence(world.now), None, "gathered for a second");
    let tell = |admission: &mut Admission, world: &mut World| {
        world.pass(secs(1));
        let mut words = 0;
        while let Some(word) = admission.poll_presence(world.now) {
            world.hub.handle_presence(&word, world.now);
            words += 1;
        }
        assert_eq!(words, 1);
        world.read(watcher)
    };
    let wire = tell(&mut admission, &mut world);
    assert_eq!(
        wire,
        "event: presence\ndata: {\"topic\":\"room\",\"count\":4,\"users\":[\"ann\",\"b\\\"ob\"],\
         \"joined\":[\"ann\",\"b\\\"ob\"],\"left\":[]}\n\n"
    );
    for pass in passes {
        admission.release(pass, world.now);
    }
    let event = &events(&tell(&mut admission, &mut world))[0];
    assert!(
        event.data.contains("\"count\":1,\"users\":[\"b\\\"ob\"],\"joined\":[],\"left\":[\"ann\"]")
    );
    assert_eq!(admission.presence(&room).count, 1);
    assert_eq!(world.hub.head().offset(), 0, "nothing of it is kept");
    // Whoever watches later is told what there is at once.
    let late = world.subscribe(&["$presence.room"], Resume::Fresh);
    assert!(world.read(late).contains("\"count\":1"));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Admit { user: usize, address: u8 },
    Release(usize),
    Publish { user: usize, events: u32 },
    Pass(u64),
}

proptest! {
    #[test]
    fn admission_does_as_a_model_that_counts(
        steps in prop::collection::vec(prop_oneof![
            3 => (0usize..4, 0u8..3).prop_map(|(user, address)| Step::Admit { user, address }),
            2 => any::<usize>().prop_map(Step::Release),
            3 => (0usize..3, 1u32..4).prop_map(|(user, events)| Step::Publish { user, events }),
            1 => (0u64..500).prop_map(Step::Pass),
        ], 1..100)
    ) {
        const USERS: [&str; 4] = ["", "ann", "bob", "eve"];
        let config = small();
        let mut admission = Admission::new(config, 3);
        let mut open: Vec<(Pass, usize, u8)> = Vec::new();
        // Per user: the tenths of an event it may still publish, filled once a 10 ms.
        let mut tokens = [50u64 * 10; 3];
        let mut now = 0;
        for step in steps {
            match step {
                Step::Admit { user, address } => {
                    let mut visitor = Visitor::new([selector("a")]).address(IpAddr::from([10, 0, 0, address]));
                    if user > 0 {
                        visitor = visitor.user(USERS[user]);
                    }
                    let of_user = open.iter().filter(|o| user > 0 && o.1 == user).count();
                    let of_address = open.iter().filter(|o| o.2 == address).count();
                    let expected = if open.len() >= 6 {
                        Err(AdmissionError::Full)
                    } else if of_user >= 2 {
                        Err(AdmissionError::TooManyForUser { max: 2 })
                    } else if of_address >= 3 {
                        Err(AdmissionError::TooManyForAddress { max: 3 })
                    } else {
                        Ok(())
                    };
                    let result = admission.admit(visitor, at(now));
                    prop_assert_eq!(result.clone().map(drop), expected);
                    open.extend(result.ok().map(|pass| (pass, user, address)));
                }
                Step::Release(which) if !open.is_empty() => {
                    let (pass, ..) = open.swap_remove(which % open.len());
                    admission.release(pass, at(now));
                }
                Step::Release(_) => {}
                Step::Publish { user, events } => {
                    // A token is 100 ms; here in milliseconds.
                    let cost = u64::from(events) * 100;
                    let fits = tokens[user] >= cost;
                    prop_assert_eq!(admission.publish(USERS[user], events, at(now)).is_ok(), fits);
                    if fits {
                        tokens[user] -= cost;
                    }
                }
                Step::Pass(millis) => {
                    now += millis;
                    for tokens in &mut tokens {
                        *tokens = (*tokens + millis).min(500);
                    }
                }
            }
            prop_assert_eq!(admission.streams(), open.len());
            prop_assert_eq!(admission.presence(&Topic::new("a").unwrap()).count, open.len());
        }
    }
}
