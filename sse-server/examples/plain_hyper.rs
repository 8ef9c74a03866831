//! The routes of a hub in a hyper server of one's own.

#![forbid(unsafe_code)]

use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use sse_server::{Config, EventService, Hub};
use tokio::net::TcpListener;

/// Serves a hub on HTTP/1.1 until the listener fails.
pub(crate) async fn serve(listener: TcpListener, hub: Hub) -> std::io::Result<()> {
    let service = EventService::new(hub);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let mut builder = hyper::server::conn::http1::Builder::new();
            // Without a timer hyper would wait for a slow head for ever.
            builder.timer(TokioTimer::new());
            // Whatever goes wrong on a connection concerns its peer alone.
            drop(builder.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

#[tokio::main]
#[allow(dead_code, reason = "the tests serve themselves")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let hub = Hub::start(Config::default())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(serve(listener, hub).await?)
}
