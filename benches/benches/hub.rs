//! A hub with a million subscribers: what each costs, and what a publish, a heartbeat tick, a
//! drain and a merge of many topics take.
//!
//! Memory is what the process holds after the subscribers came, less what it held before, by
//! `/proc` (Linux); the tests of sse-server-core count the same at the allocator.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::unwrap_used)]

use std::{hint::black_box, time::Duration};

use criterion::{
    BatchSize, BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use sse_codec::time::Instant;
use sse_server_core::{
    Admission, AdmissionConfig, Cursor, Epoch, Hub, HubConfig, Log, Output, Publish, Receipt,
    Retention, Selector, Subscribe, SubscriberId, Topic, Visitor,
};

const MILLION: usize = 1_000_000;

struct World {
    hub: Hub,
    store: Log,
    now: Instant,
}

impl World {
    fn new(subscribers: usize, topics: impl Fn(usize) -> Vec<String>) -> Self {
        let start = Cursor::new(Epoch::new(1), 0);
        let now = Instant::from_origin(Duration::from_secs(1));
        let mut world = Self {
            hub: Hub::new(HubConfig::default(), start, 1),
            store: Log::new(Retention::DEFAULT.events(1000), start, 1),
            now,
        };
        for n in 0..subscribers {
            let mut request = Subscribe::default();
            let (users, topics): (Vec<_>, Vec<_>) =
                topics(n).into_iter().partition(|name| name.starts_with("$user."));
            if !topics.is_empty() {
                request = Subscribe::new(topics.iter().map(|name| Selector::new(name).unwrap()));
            }
            for user in users {
                request = request.user(&user["$user.".len()..]).unwrap();
            }
            world.hub.subscribe(request, now).unwrap();
        }
        world.read_all();
        world
    }

    fn publish(&mut self, topic: &Topic) {
        self.hub.publish(Publish::new([topic.clone()], "x".repeat(200)), self.now).unwrap();
        while let Some(output) = self.hub.poll_output() {
            if let Output::Append { id, event, .. } = output {
                let head = self.store.head();
                let appended = event.place(Cursor::new(head.epoch(), head.offset() + 1));
                self.store.append(&appended, self.now);
                self.hub.handle_append_done(id, Ok(Receipt::new(appended.cursor)), self.now);
                self.hub.handle_appended(&appended, self.now);
            }
        }
    }

    fn read(&mut self, id: SubscriberId, frames: &mut Vec<bytes::Bytes>) {
        while let Some(written) = self.hub.next_frames(id, 16 << 10, frames) {
            self.hub.handle_written(id, written, self.now);
            frames.clear();
        }
    }

    fn read_all(&mut self) -> usize {
        let (mut frames, mut count) = (Vec::with_capacity(64), 0);
        while let Some(id) = self.hub.poll_ready() {
            self.read(id, &mut frames);
            count += 1;
        }
        count
    }
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0) << 10
}

/// What each subscribes to, by number.
type Crowd = fn(usize) -> Vec<String>;

const CROWDS: [(&str, Crowd); 4] = [
    ("one topic", |n| vec![format!("room.{}", n / 10)]),
    ("a topic, its user (of ten streams)", |n| {
        vec![format!("room.{}", n % 1000), format!("$user.{:x}", n / 10)]
    }),
    ("a topic, its user (of one stream)", |n| {
        vec![format!("room.{}", n % 1000), format!("$user.{n:x}")]
    }),
    ("a topic, its user (of one stream, an id of 36 bytes)", |n| {
        vec![format!("room.{}", n % 1000), format!("$user.{n:08x}-0000-4000-8000-000000000000")]
    }),
];

/// Says by which crowd a process of this program measures.
const CROWD: &str = "HUB_CROWD";

/// A million streams at the door, each of a user by an id of 36 bytes, ten an address.
fn admission() {
    let before = resident();
    let mut admission = Admission::new(AdmissionConfig::default(), 1);
    for n in 0..MILLION {
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + n as u32 / 10);
        let visitor = Visitor::new([Selector::new(&format!("room.{}", n % 1000)).unwrap()])
            .user(format!("{n:08x}-0000-4000-8000-000000000000"))
            .address(address.into());
        admission.admit(visitor, Instant::ORIGIN).unwrap();
    }
    let each = resident().saturating_sub(before) / MILLION;
    println!("hub/memory: Admission, a topic, a user, an address: {each} bytes resident a stream");
}

fn memory() {
    if let Some(crowd) = std::env::var(CROWD).ok().and_then(|crowd| crowd.parse::<usize>().ok()) {
        if crowd == CROWDS.len() {
            admission();
            std::process::exit(0);
        }
        let (name, topics) = CROWDS[crowd];
        let before = resident();
        let world = World::new(MILLION, topics);
        let each = resident().saturating_sub(before) / MILLION;
        println!("hub/memory: {name} and everyone: {each} bytes resident a subscriber");
        drop(world);
        std::process::exit(0);
    }
    // Each in a process of its own: it would take what another gave back, and not show.
    for crowd in 0..=CROWDS.len() {
        let mut process = std::process::Command::new(std::env::current_exe().unwrap());
        assert!(process.env(CROWD, crowd.to_string()).status().unwrap().success());
    }
}

fn million(c: &mut Criterion) {
    memory();
    let mut group = c.benchmark_group("hub");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    let topic = Topic::new("a").unwrap();

    let mut world = World::new(MILLION, |_| vec!["a".into()]);
    group.bench_function("publish to a million, each marked ready", |b| {
        b.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                let started = std::time::Instant::now();
                world.publish(&topic);
                spent += started.elapsed();
                assert_eq!(world.read_all(), MILLION);
            }
            spent
        });
    });
    group.bench_function("a million read one event each", |b| {
        b.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                world.publish(&topic);
                let started = std::time::Instant::now();
                assert_eq!(world.read_all(), MILLION);
                spent += started.elapsed();
            }
            spent
        });
    });

    // Heartbeats spread over an eighth of 15 s, so that a tick of 16 ms finds a few of them.
    let mut beats = 0u64;
    group.bench_function("a tick of the timer (16 ms), with those due", |b| {
        b.iter(|| {
            world.now = world.now + Duration::from_millis(16);
            world.hub.handle_timeout(world.now);
            beats += world.read_all() as u64;
        });
    });
    println!("hub/tick: {beats} heartbeats over all of them");
    let far = {
        let mut config = HubConfig::default();
        config.heartbeat = None;
        let mut hub = Hub::new(config, Cursor::new(Epoch::new(1), 0), 1);
        for _ in 0..MILLION {
            let expires = Instant::from_origin(Duration::from_secs(1 << 30));
            let _ =
                hub.subscribe(Subscribe::new([topic.clone()]).expires(expires), Instant::ORIGIN);
        }
        while let Some(id) = hub.poll_ready() {
            let mut frames = Vec::new();
            while let Some(written) = hub.next_frames(id, 16 << 10, &mut frames) {
                hub.handle_written(id, written, Instant::ORIGIN);
            }
        }
        hub
    };
    let (mut far, mut now) = (far, Instant::from_origin(Duration::from_secs(3600)));
    far.handle_timeout(now);
    group.bench_function("a tick of the timer with none due", |b| {
        b.iter(|| {
            now = now + Duration::from_millis(16);
            far.handle_timeout(black_box(now));
        });
    });
    drop(far);

    group.bench_function("begin a drain of a million and end it", |b| {
        b.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times.min(2) {
                let mut world = World::new(MILLION, |_| vec!["a".into()]);
                let started = std::time::Instant::now();
                world.hub.drain(world.now + Duration::from_secs(20), world.now);
                world.read_all();
                while world.hub.poll_output().is_some() {}
                assert!(world.hub.is_drained());
                spent += started.elapsed();
            }
            spent * (times as u32) / (times.min(2) as u32)
        });
    });
    drop(world);

    patterns(&mut group);
    presence(&mut group);
    for topics in [1usize, 8, 64] {
        let names: Vec<_> = (0..topics).map(|n| Topic::new(&format!("t{n}")).unwrap()).collect();
        group.bench_function(format!("read 64 events merged from {topics} topics"), |b| {
            let own = (0..topics).map(|n| format!("t{n}")).collect::<Vec<_>>();
            let mut world = World::new(1, |_| own.clone());
            let id = world.hub.subscriber_at(0).unwrap();
            let mut frames = Vec::with_capacity(128);
            b.iter_batched(
                || (),
                |()| {
                    for n in 0..64 {
                        world.publish(&names[n % topics]);
                    }
                    world.read(id, &mut frames);
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// Who is there, which is asked and told under the same lock.
fn presence(group: &mut BenchmarkGroup<'_, WallTime>) {
    let mut admission = Admission::new(AdmissionConfig::default(), 1);
    let mut now = Instant::ORIGIN;
    let visitor = |name: &str| Visitor::new([Selector::new(name).unwrap()]);
    for n in 0..100_000 {
        admission.admit(visitor("room").user(format!("user {n}")), now).unwrap();
    }
    group.bench_function("open and close a watch on presence over 100,000 readers", |b| {
        b.iter(|| {
            let pass = admission.admit(visitor("$presence.room"), now).unwrap();
            admission.release(pass, now);
        });
    });
    admission.admit(visitor("$presence.room"), now).unwrap();
    let mut n = 0;
    group.bench_function("a word on the presence of 100,000, one of whom is new", |b| {
        b.iter(|| {
            n += 1;
            let new = admission.admit(visitor("room").user(format!("new {n}")), now).unwrap();
            now = now + admission.config().presence_pause;
            assert!(admission.poll_presence(now).is_some());
            admission.release(new, now);
        });
    });
}

/// What others wait for, since it is done under the hub's lock.
fn patterns(group: &mut BenchmarkGroup<'_, WallTime>) {
    let mut world = World::new(100_000, |n| vec![format!("a.room.{n}")]);
    for n in 0..20_000 {
        world.publish(&Topic::new(&format!("a.room.{}", n * 7 % 100_000)).unwrap());
    }
    let opens = |world: &mut World, names: [String; 8]| {
        let request = Subscribe::new(names.map(|name| Selector::new(&name).unwrap()));
        let id = world.hub.subscribe(request, world.now).unwrap();
        world.hub.handle_disconnect(id);
    };
    let mut n = 0;
    group.bench_function("open and close a stream of 8 new patterns over 100,000 topics", |b| {
        b.iter(|| {
            n += 8;
            opens(&mut world, core::array::from_fn(|m| format!("*.room.{}.**", n + m)));
        });
    });
    group.bench_function("the same of 8 that were in use before", |b| {
        let shapes = ["**", "*.**", "a.**", "a.*.*", "*.room.*", "a.room.*", "a.room.**", "*.*.7"];
        b.iter(|| opens(&mut world, shapes.map(str::to_owned)));
    });
    let start = Cursor::new(Epoch::new(1), 0);
    group.bench_function("a page of the store's by a pattern of one topic", |b| {
        let pattern = [Selector::new("*.room.5").unwrap()];
        b.iter(|| world.store.page(&pattern, start, 256 << 10, world.now));
    });
}

criterion_group!(benches, million);
criterion_main!(benches);
