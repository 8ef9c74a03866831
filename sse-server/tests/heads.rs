//! Connections that do not finish a request do not stay.
#![forbid(unsafe_code)]

use core::{future::pending, net::SocketAddr, time::Duration};
use std::{
    io::{Read, Write},
    net::TcpStream,
};

use sse_server::{Config, Hub, Server, ServerConfig};

/// What is sent, and nothing after it.
const BEGINNINGS: [&str; 5] = [
    "",
    "G",
    "GET /events HTTP/1.1\r\nHost: lo",
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /eve",
    "PRI * HTTP/2.0\r\n\r\n",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_finish_its_request_is_hung_up_on() {
    let address = serve().await;
    for beginning in BEGINNINGS {
        // It returns at all: that is the test.
        let end = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(beginning.as_bytes())?;
            stream.read_to_end(&mut Vec::new())
        });
        assert!(end.await.is_ok(), "{beginning:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_stream_outlives_the_time_for_a_head() {
    let address = serve().await;
    let read = tokio::task::spawn_blocking(move || {
        // On a busy machine a head may take too long; once there is an answer it was in time.
        let (mut stream, mut wire) = loop {
            let mut stream = TcpStream::connect(address)?;
            let mut first = [0; 1024];
            let asked = stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
            if let Ok(len @ 1..) = asked.and_then(|()| stream.read(&mut first)) {
                break (stream, first[..len].to_vec());
            }
        };
        // Ten heartbeats last longer than a head may take.
        while wire.windows(11).filter(|bytes| bytes == b": heartbeat").count() < 10 {
            let mut some = [0; 1024];
            let len = stream.read(&mut some)?;
            if len == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            wire.extend_from_slice(&some[..len]);
        }
        Ok::<(), std::io::Error>(())
    });
    assert!(matches!(read.await, Ok(Ok(()))));
}

async fn serve() -> SocketAddr {
    let mut config = Config::default();
    config.hub.heartbeat = Some(Duration::from_millis(40));
    let mut server = ServerConfig::default();
    server.head_timeout = Duration::from_millis(100);
    let hub = Hub::start(config).expect("settings that go together");
    let server = Server::bind("127.0.0.1:0", hub, server).expect("a free port");
    let address = server.local_addr().expect("an address");
    tokio::spawn(server.run(pending()));
    address
}
