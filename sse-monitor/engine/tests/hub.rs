//! A watch against the real hub, over a wire that can be cut.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use core::{net::SocketAddr, time::Duration};

use sse_monitor_engine::{RowKind, Snapshot, State, Watch, WatchRequest, query::Numbering};
use sse_server::{Config, Hub, Publish, Server, ServerConfig, Topic};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Past this a test is stuck, and says where.
const STUCK: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_repeated_when_only_the_wire_is_cut() {
    let mut config = Config::default();
    config.hub.retry = Duration::from_millis(10);
    let hub = Hub::start(config).unwrap();
    let server = Server::bind("127.0.0.1:0", hub.clone(), ServerConfig::default()).unwrap();
    let wire = Wire::to(server.local_addr().unwrap()).await;
    tokio::select! {
        () = server.run(core::future::pending()) => panic!("the server ended"),
        () = publish_around_a_cut(&hub, &wire) => {}
    }
}

async fn publish_around_a_cut(hub: &Hub, wire: &Wire) {
    let url = format!("http://{}/events?topic=numbers", wire.address);
    let watch = Watch::start(WatchRequest::new(&url).unwrap());
    events(&watch, 1).await;
    for n in 1..=3 {
        publish(hub, n).await;
    }
    events(&watch, 4).await;
    wire.cut();
    until(&watch, |s| s.totals.attempts > 1 || matches!(s.state, State::Waiting { .. })).await;
    // The hub goes on, whether anybody is there to read it or not.
    for n in 4..=6 {
        publish(hub, n).await;
    }
    let seen = events(&watch, 8).await;
    let seen: Vec<_> = seen.iter().map(|(kind, data)| (kind.as_str(), data.as_str())).collect();
    let connected = ("connected", "");
    let number = |n| ("message", n);
    assert_eq!(
        seen,
        [
            connected,
            number("1"),
            number("2"),
            number("3"),
            connected,
            number("4"),
            number("5"),
            number("6"),
        ]
    );
    assert_eq!(watch.snapshot().totals.connections, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_with_a_hub_that_starts_again_is_said_to_be_unknown() {
    let start = |address: SocketAddr| {
        let mut config = Config::default();
        config.hub.retry = Duration::from_millis(10);
        let hub = Hub::start(config).unwrap();
        (hub.clone(), Server::bind(address, hub, ServerConfig::default()).unwrap())
    };
    let (hub, server) = start(([127, 0, 0, 1], 0).into());
    let address = server.local_addr().unwrap();
    let running = tokio::spawn(server.run(core::future::pending()));
    let wire = Wire::to(address).await;
    let watch = Watch::start(
        WatchRequest::new(&format!("http://{}/events?topic=numbers", wire.address)).unwrap(),
    );
    // With the hub's own, `connected`.
    events(&watch, 1).await;
    for n in 1..=12 {
        publish(&hub, n).await;
    }
    events(&watch, 13).await;
    let report = watch.report();
    assert_eq!((report.missed, report.numbering, report.resets), (Some(0), Numbering::OneByOne, 0));
    running.abort();
    let _ = running.await;
    let (hub, server) = start(address);
    wire.cut();
    tokio::spawn(server.run(core::future::pending()));
    // With `connected` and `reset`.
    events(&watch, 15).await;
    for n in 1..=12 {
        publish(&hub, n).await;
    }
    events(&watch, 27).await;
    let report = watch.report();
    assert_eq!((report.missed, report.numbering, report.resets), (None, Numbering::Anew, 1));
    assert_eq!((report.missed_at_least, report.repeated, report.out_of_order), (0, 0, 0));
}

async fn publish(hub: &Hub, n: u32) {
    let topic = Topic::new("numbers").unwrap();
    hub.publish(Publish::new([topic], n.to_string())).await.unwrap();
}

async fn until(watch: &Watch, reached: impl Fn(&Snapshot) -> bool) {
    let reached = async {
        loop {
            let snapshot = watch.snapshot();
            if reached(&snapshot) {
                return;
            }
            watch.changed(snapshot.revision).await;
        }
    };
    tokio::time::timeout(STUCK, reached).await.expect("it is stuck");
}

/// Type and data of the events, once there are `count`; the data of `connected` differs each time.
async fn events(watch: &Watch, count: u64) -> Vec<(String, String)> {
    until(watch, |s| s.totals.events >= count).await;
    let events = watch.page(1, 1_000, 1_000).into_iter().filter(|row| row.kind == RowKind::Event);
    events
        .map(|row| {
            let data = if row.event_type == "connected" { String::new() } else { row.data };
            (row.event_type, data)
        })
        .collect()
}

/// Passes bytes between whoever connects and a server, until it is cut.
struct Wire {
    address: SocketAddr,
    cuts: watch::Sender<()>,
}

impl Wire {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = watch::Sender::new(());
        let cut = cuts.clone();
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut cut = cut.subscribe();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { address, cuts }
    }

    /// Cuts each connection that is open now.
    fn cut(&self) {
        self.cuts.send_replace(());
    }
}
