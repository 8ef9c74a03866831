//! A subscription is a `futures` stream of bytes, for whatever server takes one: in actix,
//! `HttpResponse::Ok().content_type("text/event-stream").streaming(stream)`. Here the server is a
//! socket and three lines of HTTP.

#![forbid(unsafe_code)]

use futures_util::{Stream, StreamExt};
use sse_server::{Config, Cut, Hub, Publish, Resume, Subscribe, Subscription, Topic};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What a handler of yours returns.
pub(crate) fn prices(
    hub: &Hub,
    last_event_id: &str,
) -> Result<Subscription, Box<dyn core::error::Error + Send + Sync>> {
    let request = Subscribe::new([Topic::new("prices")?]);
    Ok(hub.subscribe(request.resume(Resume::from_last_event_id(last_event_id)))?)
}

/// Writes a stream as a response, which ends with its connection.
pub(crate) async fn respond(
    mut socket: TcpStream,
    stream: impl Stream<Item = Result<bytes::Bytes, Cut>>,
) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _ = socket.read(&mut request).await?;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).await?;
    let mut stream = core::pin::pin!(stream);
    while let Some(Ok(chunk)) = stream.next().await {
        // While this waits, the hub sees that nothing is read.
        socket.write_all(&chunk).await?;
    }
    Ok(())
}

#[tokio::main]
#[allow(dead_code, reason = "the tests respond themselves")]
async fn main() -> Result<(), Box<dyn core::error::Error + Send + Sync>> {
    let hub = Hub::start(Config::default())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let ticker = hub.clone();
    tokio::spawn(async move {
        for n in 0u64.. {
            let Ok(topic) = Topic::new("prices") else { return };
            if ticker.publish(Publish::new([topic], n.to_string())).await.is_err() {
                return;
            }
            tokio::time::sleep(core::time::Duration::from_secs(1)).await;
        }
    });
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(respond(socket, prices(&hub, "")?));
    }
}
