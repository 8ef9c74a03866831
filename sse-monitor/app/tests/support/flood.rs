//! A server that sends numbered events, as many and as fast as it is told.

use core::fmt::Write as _;
use core::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    spawn,
    sync::mpsc,
    task::AbortHandle,
    time,
};

/// How often events go out.
const TICK: Duration = Duration::from_millis(10);

/// One stream, for whoever connects first.
#[derive(Debug)]
pub(crate) struct Flood {
    address: SocketAddr,
    orders: mpsc::UnboundedSender<Order>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Order {
    events: u64,
    per_second: u64,
}

impl Flood {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (orders, received) = mpsc::unbounded_channel();
        let task = spawn(serve(listener, received));
        Self { address, orders, task: task.abort_handle() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// Sends so many events more, at this rate or as fast as the window reads.
    pub(crate) fn send(&self, events: u64, per_second: u64) {
        self.orders.send(Order { events, per_second }).expect("the stream is open");
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The data of the event with this number: about 300 bytes with what stands around it.
pub(crate) fn data(number: u64) -> String {
    let word = if number.is_multiple_of(1000) { "needle" } else { "straw" };
    format!(
        r#"{{"n":{number},"word":"{word}","symbol":"EURUSD","bid":1.0{:04},"ask":1.0{:04},"note":"{:-<160}"}}"#,
        number % 10_000,
        number % 9_999,
        ""
    )
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

async fn serve(listener: TcpListener, mut orders: mpsc::UnboundedReceiver<Order>) {
    let (mut stream, _) = listener.accept().await.expect("the window connects");
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    // Whoever has gone needs no answer.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut number = 0;
    let mut text = String::new();
    while let Some(Order { events, per_second }) = orders.recv().await {
        let end = number + events;
        let per_tick = (per_second / 100).max(1);
        let mut ticks = time::interval(TICK);
        while number < end {
            ticks.tick().await;
            text.clear();
            for number in number..end.min(number + per_tick) {
                let data = data(number);
                write!(text, "id: {number}\nevent: tick\ndata: {data}\n\n").expect("a text grows");
            }
            number = end.min(number + per_tick);
            if stream.write_all(text.as_bytes()).await.is_err() {
                return;
            }
        }
    }
    // It stays open until the test is over.
    core::future::pending::<()>().await;
}
