//! Limits, rates, tickets and presence, one by one; `admission_model.rs` has them in any order.
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

use common::{World, events, secs, selector, topic};
use sse_codec::time::Instant;
use sse_server_core::{
    Admission, AdmissionConfig, AdmissionError, Pass, Principal, Resume, Revoke, Ticket,
    TicketError, Topic, Visitor, Whose,
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
    assert_eq!(admission.publish(&Principal::user("ann"), 5, at(0)), Ok(()));
    let refusal = admission.publish(&Principal::user("ann"), 1, at(0));
    assert_eq!(refusal, Err(AdmissionError::TooFast { wait: Duration::from_millis(100) }));
    assert_eq!(admission.publish(&Principal::user("bob"), 5, at(0)), Ok(()), "each has its own");
    assert!(admission.publish(&Principal::user("ann"), 1, at(99)).is_err());
    assert_eq!(admission.publish(&Principal::user("ann"), 1, at(100)), Ok(()));
    assert!(admission.publish(&Principal::user("ann"), 1, at(100)).is_err());
    let refusal = admission.publish(&Principal::user("ann"), 6, at(10_000));
    assert_eq!(refusal, Err(AdmissionError::BurstTooLarge { count: 6, max: 5 }));
    assert_eq!(
        admission.publish(&Principal::user("ann"), 5, at(10_000)),
        Ok(()),
        "what was refused cost nothing"
    );
}

#[test]
fn very_many_principals_take_bounded_memory_and_a_burst_is_not_forgiven_first() {
    let mut config = small();
    config.max_rates = 100;
    let mut admission = Admission::new(config, 1);
    assert_eq!(admission.publish(&Principal::user("greedy"), 5, at(0)), Ok(()));
    for n in 0..1000 {
        assert_eq!(admission.publish(&Principal::user(n.to_string()), 1, at(0)), Ok(()));
    }
    assert!(admission.publish(&Principal::user("greedy"), 1, at(0)).is_err());
}

#[test]
fn a_ticket_is_good_for_one_stream_and_its_resumes() {
    let mut admission = Admission::new(AdmissionConfig::default(), 1);
    let secret = [7; 16];
    let ticket = Ticket::new([selector("a")]).for_user("ann").until(at(100_000));
    admission.issue_ticket(secret, ticket, at(0)).unwrap();
    let come = |admission: &mut Admission, resume, now| {
        admission.admit_by_ticket(&secret, resume, None, at(now)).map(|redeemed| redeemed.pass)
    };
    let guess = admission.admit_by_ticket(&[8; 16], false, None, at(0)).err();
    assert_eq!(guess, Some(TicketError::Unknown));
    let pass = come(&mut admission, false, 59_999).unwrap();
    assert_eq!(come(&mut admission, false, 59_999), Err(TicketError::InUse));
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
         \"joined\":[\"ann\",\"b\\\"ob\"],\"left\":[],\"partial\":false}\n\n"
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

#[test]
fn who_begins_to_watch_what_is_watched_stirs_nobody() {
    let mut admission = Admission::new(AdmissionConfig::default(), 1);
    let watch = || Visitor::new([selector("$presence.room")]);
    let pause = admission.config().presence_pause;
    let first = admission.admit(watch(), at(0)).unwrap();
    let mut now = at(0) + pause;
    assert!(admission.poll_presence(now).is_some(), "the first is told what there is");
    // As long-polls do.
    for _ in 0..10 {
        let pass = admission.admit(watch(), now).unwrap();
        assert_eq!(admission.poll_timeout(), None);
        now = now + pause;
        admission.release(pass, now);
        assert_eq!(admission.poll_presence(now + pause), None);
    }
    admission.release(first, now);
    // Nobody was told meanwhile.
    admission.admit(watch(), now).unwrap();
    assert_eq!(admission.poll_timeout(), Some(now + pause));
}

#[test]
fn a_word_that_very_many_are_to_be_told_is_told_a_part_of_them_at_a_time() {
    const WATCHERS: usize = 10_000;
    const AT_ONCE: usize = 4096;
    let (mut admission, mut world) = (Admission::new(AdmissionConfig::default(), 1), World::new());
    let watch = |world: &mut World, name: &str| {
        let id = world.subscribe(&[name], Resume::Fresh);
        world.read(id);
        id
    };
    let mut watchers: Vec<_> = (0..WATCHERS).map(|_| watch(&mut world, "$presence.room")).collect();
    let other = watch(&mut world, "$presence.other");
    world.ready();
    for name in ["room", "other"] {
        admission.admit(Visitor::new([selector(name)]).user("ann"), world.now).unwrap();
    }
    let word = |name: &str| admission.presence(&topic(name));
    world.hub.handle_presence(&word("room"), world.now);
    world.hub.handle_presence(&word("other"), world.now);
    let mut told = std::collections::BTreeSet::new();
    let (mut steps, mut again) = (0, 0);
    loop {
        let ready = world.ready();
        assert!(ready.len() <= AT_ONCE, "{} at once", ready.len());
        for id in ready {
            assert_eq!(events(&world.read(id)).len(), 1);
            again += usize::from(!told.insert(id));
        }
        // Some of those who are told last and first go meanwhile.
        for id in [watchers.pop().unwrap(), watchers.remove(0)] {
            world.hub.handle_disconnect(id);
        }
        let due = world.hub.poll_timeout().filter(|due| due.at <= world.now);
        if due.is_none() {
            break;
        }
        steps += 1;
        world.hub.handle_timeout(world.now);
        world.act();
    }
    assert_eq!(steps, WATCHERS / AT_ONCE);
    // Those who took the seats of who left before their turn.
    assert!(again <= steps, "{again}");
    assert!(watchers.iter().chain([&other]).all(|id| told.contains(id)), "nobody is left out");
    // Nobody watches any more: nothing is due.
    world.hub.handle_presence(&word("room"), world.now);
    watchers.into_iter().for_each(|id| world.hub.handle_disconnect(id));
    assert!(world.hub.poll_timeout().is_none_or(|due| due.at > world.now));
}

#[test]
fn where_words_come_faster_than_all_are_told_nobody_is_left_out() {
    const WATCHERS: usize = 10_000;
    let (mut admission, mut world) = (Admission::new(AdmissionConfig::default(), 1), World::new());
    let mut watchers: Vec<_> = (0..WATCHERS)
        .map(|_| {
            let id = world.subscribe(&["$presence.room"], Resume::Fresh);
            world.read(id);
            id
        })
        .collect();
    world.ready();
    let mut last = std::collections::BTreeMap::new();
    let mut counts = 0;
    let mut noise = 1_usize;
    let mut go = |world: &mut World, watchers: &mut Vec<_>, has_news: bool| {
        if has_news {
            counts += 1;
            admission.admit(Visitor::new([selector("room")]), world.now).unwrap();
            // By which some more are told.
            world.hub.handle_presence(&admission.presence(&topic("room")), world.now);
        } else {
            world.hub.handle_timeout(world.now);
        }
        for id in world.ready() {
            let told = events(&world.read(id)).pop().unwrap();
            last.insert(id, told.data);
        }
        for _ in 0..20 {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let gone = watchers.swap_remove((noise >> 33) % watchers.len());
            world.hub.handle_disconnect(gone);
        }
        let untold = watchers.iter().filter(|id| !last.contains_key(*id)).count();
        let newest = format!("\"count\":{counts},");
        let told =
            watchers.iter().filter(|id| last.get(*id).is_some_and(|it| it.contains(&newest)));
        (untold, watchers.len() - told.count())
    };
    // A word a go, of which a round needs three.
    for n in 1..=30 {
        let (untold, _) = go(&mut world, &mut watchers, true);
        assert!(n < 3 || untold == 0, "{untold} were told nothing in {n} goes");
    }
    while world.hub.poll_timeout().is_some_and(|due| due.at <= world.now) {
        go(&mut world, &mut watchers, false);
    }
    let (_, behind) = go(&mut world, &mut watchers, false);
    assert_eq!(behind, 0, "the last word reaches all");
}

#[test]
fn words_on_presence_come_a_few_at_a_time_and_hold_no_event_up() {
    const ROOMS: usize = 20;
    const MAX: usize = 4096;
    let (mut admission, mut world) = (Admission::new(AdmissionConfig::default(), 1), World::new());
    let rooms: Vec<_> = (0..ROOMS).map(|n| format!("room{n}")).collect();
    let watched: Vec<_> = rooms.iter().map(|room| format!("$presence.{room}")).collect();
    let watched: Vec<&str> = watched.iter().map(|name| &**name).chain(["a"]).collect();
    let watcher = world.subscribe(&watched, Resume::Fresh);
    world.read(watcher);
    admission.admit(Visitor::new(watched.iter().map(|name| selector(name))), world.now).unwrap();
    for n in 0..ROOMS * 30 {
        let user = format!("{n:08x}-0000-4000-8000-000000000000");
        let visitor = Visitor::new([selector(&rooms[n % ROOMS])]).user(user);
        admission.admit(visitor, world.now).unwrap();
    }
    world.pass(secs(1));
    let words: Vec<_> = core::iter::from_fn(|| admission.poll_presence(world.now)).collect();
    assert_eq!(words.len(), ROOMS);
    words.iter().for_each(|word| world.hub.handle_presence(word, world.now));
    world.publish(&["a"], "an event");
    let mut told = Vec::new();
    let mut chunk = |world: &mut World, between: &dyn Fn(&mut World)| {
        let mut frames = Vec::new();
        let written = world.hub.next_frames(watcher, MAX, &mut frames)?;
        between(world);
        world.hub.handle_written(watcher, written, world.now);
        let wire: String = frames.iter().map(|it| core::str::from_utf8(it).unwrap()).collect();
        // Half of it, one word and one event.
        assert!(wire.len() <= MAX / 2 + 3000, "{} bytes", wire.len());
        told.extend(events(&wire).into_iter().map(|event| event.data));
        Some(())
    };
    // Before it is confirmed there is a newer word on what is told first, and on what is told last.
    chunk(&mut world, &|world| {
        for word in [&words[0], &words[ROOMS - 1]] {
            world.hub.handle_presence(word, world.now);
        }
    });
    while chunk(&mut world, &|_| ()).is_some() {}
    let of = |room: &str| {
        let name = format!("\"topic\":\"{room}\"");
        told.iter().filter(|data| data.contains(&name)).count()
    };
    assert_eq!(told.iter().position(|data| data == "an event"), Some(1), "behind one word");
    // The first was under way; of the last there was but the newer to tell.
    assert!(rooms.iter().all(|room| of(room) == 1 + usize::from(room == "room0")), "{told:?}");
}

#[test]
fn a_revoked_users_tickets_are_over_and_their_streams_are_named() {
    let mut admission = Admission::new(AdmissionConfig::default(), 1);
    let mut open = |user: &str, token: &str| {
        let visitor = Visitor::new([]).user(user).token(token);
        admission.admit(visitor, at(0)).unwrap()
    };
    let passes = [open("ann", "t1"), open("bob", "t1"), open("ann", "t2")];
    for (secret, user, token) in [([1; 16], "ann", "t1"), ([2; 16], "bob", "t2")] {
        let ticket = Ticket::new([]).for_user(user).by_token(token);
        admission.issue_ticket(secret, ticket, at(0)).unwrap();
    }
    assert_eq!(admission.revoke(Revoke::Token("t1")), [passes[0], passes[1]]);
    let mut come = |secret| admission.admit_by_ticket(&secret, false, None, at(1)).map(drop);
    assert_eq!(come([1; 16]), Err(TicketError::Unknown));
    assert_eq!(come([2; 16]), Ok(()));
    assert_eq!(admission.revoke(Revoke::User("ann")), [passes[0], passes[2]]);
    assert_eq!(admission.revoke(Revoke::User("nobody")), []);
    let counters = admission.counters();
    assert_eq!((counters.revoked, counters.tickets, counters.refused_tickets), (4, 2, 1));
}

#[test]
fn tickets_that_never_end_make_room_for_others() {
    let mut config = small();
    config.max_tickets = 2;
    let mut admission = Admission::new(config, 1);
    let issue =
        |admission: &mut Admission, n: u8| admission.issue_ticket([n; 16], Ticket::new([]), at(0));
    for n in [1, 2] {
        issue(&mut admission, n).unwrap();
        let redeemed = admission.admit_by_ticket(&[n; 16], false, None, at(1)).unwrap();
        admission.release(redeemed.pass, at(10 - u64::from(n)));
    }
    issue(&mut admission, 3).unwrap();
    let mut resume = |n: u8| admission.admit_by_ticket(&[n; 16], true, None, at(20)).map(drop);
    assert_eq!(resume(2), Err(TicketError::Unknown), "it was closed before the other");
    assert_eq!((resume(1), resume(3)), (Ok(()), Ok(())));
    assert_eq!(issue(&mut admission, 4), Err(TicketError::Full), "those in use stay");
}

#[test]
fn the_presence_of_so_many_topics_can_be_watched() {
    let mut config = AdmissionConfig::default();
    config.max_watched = 2;
    let mut admission = Admission::new(config, 1);
    let watch = |names: &[&str]| Visitor::new(names.iter().map(|name| selector(name)));
    let two = watch(&["$presence.a", "$presence.b", "$presence.a"]);
    let pass = admission.admit(two.clone(), at(0)).unwrap();
    assert!(admission.admit(two, at(0)).is_ok(), "the same two");
    let three = watch(&["$presence.a", "$presence.b", "$presence.c"]);
    let never = AdmissionError::AsksToWatchTooMany { count: 3, max: 2 };
    assert_eq!(admission.admit(three, at(0)), Err(never.clone()));
    let ticket = Ticket::new(["$presence.a", "$presence.b", "$presence.c"].map(selector));
    assert_eq!(admission.issue_ticket([7; 16], ticket, at(0)), Err(TicketError::Refused(never)));
    let third = watch(&["$presence.c"]);
    assert_eq!(admission.admit(third.clone(), at(0)), Err(AdmissionError::TooManyWatched));
    admission.release(pass, at(0));
    assert!(admission.admit(third, at(0)).is_err(), "somebody still watches");
    assert!(admission.admit(watch(&["a"]), at(0)).is_ok(), "nothing to watch");
}

#[test]
fn nobody_takes_all_of_what_can_be_watched_or_all_patterns() {
    let mut config = AdmissionConfig::default();
    (config.max_watched_per_user, config.max_watched_per_address) = (2, 3);
    (config.max_patterns_per_user, config.max_patterns_per_address) = (2, 3);
    for prefix in ["$presence.", "*."] {
        let mut admission = Admission::new(config, 1);
        let visitor = |names: &[&str], user: &str, address: &str| {
            let names = names.iter().map(|name| selector(&format!("{prefix}{name}")));
            Visitor::new(names).user(user).address(ip(address))
        };
        let mut come = |names: &[&str], user: &str, address: &str| {
            admission.admit(visitor(names, user, address), at(0))
        };
        let refused = |whose, max| match prefix {
            "*." => Err(AdmissionError::TooManyPatterns { whose, max }),
            _ => Err(AdmissionError::WatchesTooMany { whose, max }),
        };
        let first = come(&["a", "b", "a"], "ann", "192.0.2.1").unwrap();
        let same = come(&["b"], "ann", "192.0.2.1").unwrap();
        assert_eq!(come(&["c"], "ann", "192.0.2.9"), refused(Whose::User, 2));
        // That can never be, however long somebody waits.
        let never = match prefix {
            "*." => AdmissionError::AsksForTooManyPatterns { whose: Whose::User, count: 3, max: 2 },
            _ => AdmissionError::AsksToWatchTooMany { count: 3, max: 2 },
        };
        assert_eq!(come(&["b", "c", "d"], "bob", "192.0.2.1"), Err(never));
        assert_eq!(come(&["c", "d"], "bob", "192.0.2.1"), refused(Whose::Address, 3));
        assert!(come(&["c", "b"], "bob", "192.0.2.1").is_ok(), "of which one is new there");
        assert!(come(&["c", "d"], "eve", "192.0.2.2").is_ok(), "others are not concerned");
        admission.release(first, at(0));
        let mut come = |names: &[&str], user: &str| {
            admission.admit(visitor(names, user, "192.0.2.1"), at(0)).map(drop)
        };
        assert_eq!(come(&["c"], "ann"), Ok(()), "a came free, b is held still");
        assert_eq!(come(&["d"], "ann").err(), refused(Whose::User, 2).err());
        admission.release(same, at(0));
        let counters = admission.counters();
        assert_eq!((counters.refused_for_user, counters.refused_for_address), (2, 1));
        assert_eq!((counters.refused_full, counters.refused_for_good), (0, 1));
    }
}

#[test]
fn so_many_groups_of_overlapping_patterns_are_told_apart() {
    let mut config = AdmissionConfig::default();
    config.max_overlaps = 2;
    let mut admission = Admission::new(config, 1);
    let mut come = |names: &[&str]| {
        let visitor = Visitor::new(names.iter().map(|name| selector(name)));
        admission.admit(visitor, at(0))
    };
    let first = come(&["a.*", "*.b"]).unwrap();
    come(&["*.b", "a.*", "c"]).unwrap();
    come(&["a.*", "*.c"]).unwrap();
    assert_eq!(come(&["a.*", "*.d"]), Err(AdmissionError::TooManyOverlaps));
    for names in [&["a.*", "*.b"][..], &["a.*", "b.*"], &["a.*", "a.b", "**"]] {
        assert!(come(names).is_ok(), "{names:?}");
    }
    assert_eq!(admission.presence(&topic("a.b")).count, 6);
    admission.release(first, at(0));
    assert_eq!(admission.presence(&topic("a.b")).count, 5);
    assert_eq!(admission.counters().refused_full, 1);
}

#[test]
fn a_word_names_no_more_than_it_may_and_says_so() {
    let mut config = AdmissionConfig::default();
    config.max_named = 2;
    let mut admission = Admission::new(config, 1);
    let mut now = at(0);
    let visitor = |name: &str, user: &str| Visitor::new([selector(name)]).user(user);
    admission.admit(visitor("$presence.a", "watcher"), now).unwrap();
    let mut open: Vec<_> = ["d", "c", "b"]
        .map(|user| admission.admit(visitor("a", user), now).unwrap())
        .into_iter()
        .collect();
    let mut tell = |admission: &mut Admission| {
        now = now + secs(1);
        let word = admission.poll_presence(now).unwrap();
        let names = |users: &[std::sync::Arc<str>]| users.join(" ");
        let told = [&word.users, &word.joined, &word.left].map(|users| names(users));
        (word.count, told, word.is_partial)
    };
    let told = |users: &str, joined: &str, left: &str| [users, joined, left].map(str::to_owned);
    // Who came first is named, and nobody who came when there was no room.
    assert_eq!(tell(&mut admission), (3, told("b c", "c d", ""), true));
    admission.release(open.remove(0), at(1000));
    assert_eq!(tell(&mut admission), (2, told("b c", "", "d"), false));
    // There and back is no change, nor is a second stream.
    let again = admission.admit(visitor("a", "e"), at(2000)).unwrap();
    admission.admit(visitor("a", "b"), at(2000)).unwrap();
    admission.release(again, at(2000));
    assert_eq!(tell(&mut admission), (3, told("b c", "", ""), false));
}

#[test]
fn a_connection_that_broke_before_its_first_event_opens_again_without_an_id() {
    let mut admission = Admission::new(AdmissionConfig::default(), 1);
    admission.issue_ticket([7; 16], Ticket::new([]), at(0)).unwrap();
    for n in 1..4 {
        let redeemed = admission.admit_by_ticket(&[7; 16], false, None, at(n)).unwrap();
        admission.release(redeemed.pass, at(n));
    }
    let late = admission.admit_by_ticket(&[7; 16], false, None, at(60_000)).err();
    assert_eq!(late, Some(TicketError::Used), "it waits 60 s, and no more");
}

#[test]
fn a_resume_takes_over_the_stream_whose_end_was_not_noticed() {
    let mut config = AdmissionConfig::default();
    (config.max_per_user, config.max_per_address, config.max_streams) = (1, 1, 1);
    let mut admission = Admission::new(config, 1);
    let address = Some(ip("192.0.2.1"));
    admission.issue_ticket([7; 16], Ticket::new([]).for_user("ann"), at(0)).unwrap();
    let first = admission.admit_by_ticket(&[7; 16], false, address, at(1)).unwrap();
    assert_eq!(first.replaced, None);
    let second = admission.admit_by_ticket(&[7; 16], true, address, at(2)).unwrap();
    assert_eq!((second.replaced, admission.streams()), (Some(first.pass), 1));
    admission.release(first.pass, at(3));
    assert_eq!(admission.streams(), 1, "the old one's end, noticed at last, ends nothing else");
    let third = admission.admit_by_ticket(&[7; 16], true, address, at(4)).unwrap();
    assert_eq!(third.replaced, Some(second.pass));
    assert_eq!(admission.counters().replaced, 2);
}

#[test]
fn a_flood_of_tickets_takes_nobody_elses() {
    let mut config = small();
    (config.max_tickets, config.max_unused_tickets) = (6, 3);
    let mut admission = Admission::new(config, 1);
    let mut issue = |n: u8, address: &str| {
        let ticket = Ticket::new([]).asked_by(Principal::address(ip(address)));
        admission.issue_ticket([n; 16], ticket, at(n.into()))
    };
    issue(1, "192.0.2.1").unwrap();
    for n in 2..5 {
        issue(n, &format!("2001:db8::{n}")).unwrap();
    }
    let refusal = issue(5, "2001:db8::5");
    assert_eq!(refusal, Err(TicketError::TooManyUnused { max: 3 }), "of one /64");
    let redeemed = admission.admit_by_ticket(&[1; 16], false, None, at(5)).unwrap();
    admission.release(redeemed.pass, at(5));
    // From elsewhere more than there is room for: theirs, who have the most, go first.
    for n in 6..10 {
        let address = format!("2001:db8:0:{n}::1");
        let ticket = Ticket::new([]).asked_by(Principal::address(ip(&address)));
        admission.issue_ticket([n; 16], ticket, at(n.into())).unwrap();
    }
    assert!(admission.admit_by_ticket(&[1; 16], true, None, at(12)).is_ok());
    assert_eq!(
        admission.admit_by_ticket(&[2; 16], false, None, at(12)).err(),
        Some(TicketError::Unknown)
    );
}

#[test]
fn what_debug_shows_does_not_tell_the_seed() {
    let seed = 0x5eed_5eed_5eed;
    let shown = format!("{:?}", Admission::new(AdmissionConfig::default(), seed));
    assert!(!shown.contains(&seed.to_string()), "{shown}");
}

#[test]
fn streams_are_opened_at_a_rate_a_user_and_a_network_and_the_wait_is_told() {
    let mut config = AdmissionConfig::default();
    (config.connect_rate, config.connect_burst) = (10, 5);
    let mut admission = Admission::new(config, 7);
    let now = Instant::from_origin(secs(1));
    let network = |n: u8| Visitor::new([selector("a")]).address([192, 0, 2, n].into());
    let open = |admission: &mut Admission, visitor, now| {
        // It counts that they came, not that they stay.
        admission.admit(visitor, now).map(|pass| admission.release(pass, now))
    };
    for _ in 0..5 {
        assert_eq!(open(&mut admission, network(1), now), Ok(()));
    }
    let wait = Duration::from_millis(100);
    let refused = Err(AdmissionError::OpenedTooFast { wait });
    assert_eq!(open(&mut admission, network(1), now), refused);
    assert_eq!(open(&mut admission, network(2).user("ann"), now), Ok(()), "another network");
    // Somebody of the network that came too often, whoever they are; and nothing of that is counted
    // to them.
    for _ in 0..10 {
        assert_eq!(open(&mut admission, network(1).user("bob"), now), refused);
    }
    for n in 10..15 {
        assert_eq!(open(&mut admission, network(n).user("bob"), now), Ok(()));
    }
    assert_eq!(open(&mut admission, network(15).user("bob"), now), refused, "from wherever");
    assert_eq!(open(&mut admission, network(1), now + wait), Ok(()));
    assert_eq!(open(&mut admission, network(1), now + wait), refused);
    // Of whom nothing is known, nothing is counted.
    for _ in 0..100 {
        assert_eq!(open(&mut admission, Visitor::new([selector("a")]), now), Ok(()));
    }
    assert_eq!(admission.counters().refused_too_fast, 13);
    assert_eq!(admission.counters().refused_full, 0);
}

#[test]
fn whoever_reads_a_topic_by_several_selectors_is_there_once() {
    let mut admission = Admission::new(AdmissionConfig::default(), 7);
    let now = Instant::from_origin(secs(1));
    let visitor = |names: &[&str]| Visitor::new(names.iter().map(|name| selector(name)));
    let watcher = visitor(&["$presence.a.b"]);
    admission.admit(watcher, now).unwrap();
    let several = visitor(&["a.b", "a.*", "*.b", "**", "a.b"]).user("ann");
    let pass = admission.admit(several, now).unwrap();
    admission.admit(visitor(&["a.c", "a.*.*", "b"]).user("eve"), now).unwrap();
    let present = |admission: &Admission| {
        let presence = admission.presence(&topic("a.b"));
        (presence.count, presence.users.iter().map(|user| user.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(present(&admission), (1, vec!["ann".to_owned()]));
    let word = admission.poll_presence(now + secs(1)).unwrap();
    assert_eq!((word.count, word.joined.len()), (1, 1));
    admission.release(pass, now + secs(1));
    assert_eq!(present(&admission), (0, vec![]));
    let word = admission.poll_presence(now + secs(2)).unwrap();
    assert_eq!((word.count, word.left.len()), (0, 1));
}

#[test]
fn a_ticket_that_is_asked_for_too_fast_or_has_no_room_is_counted_as_no_publish() {
    let mut config = small();
    config.max_tickets = 1;
    let mut admission = Admission::new(config, 1);
    let ann = Principal::user("ann");
    assert_eq!(admission.charge_ticket(&ann, 5, at(0)), Ok(()));
    assert!(admission.charge_ticket(&ann, 1, at(0)).is_err());
    // It is the same rate.
    assert!(admission.publish(&ann, 3, at(0)).is_err());
    admission.issue_ticket([1; 16], Ticket::new([]), at(0)).unwrap();
    admission.admit_by_ticket(&[1; 16], false, None, at(0)).unwrap();
    let full = admission.issue_ticket([2; 16], Ticket::new([]), at(0));
    assert_eq!(full, Err(TicketError::Full), "the one in use stays");
    let counters = admission.counters();
    assert_eq!((counters.refused_publishes, counters.unissued_tickets), (3, 2));
    assert_eq!(counters.tickets, 1);
}
