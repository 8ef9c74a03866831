//! A watch through proxies of each kind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

extern crate alloc;

mod origin;
mod secure;

use core::{net::SocketAddr, time::Duration};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
};

use origin::Origin;
use secure::{Secure, SecureProxy, pem};
use sse_monitor_engine::{Fault, Reconnect, Snapshot, State, Watch, WatchRequest};

/// Past this a test is stuck, and says where.
const STUCK: Duration = Duration::from_secs(30);

#[test]
fn a_socks_proxy_is_gone_through() {
    let origin = Origin::start();
    let address = origin.url();
    let port = address.rsplit(':').next().unwrap().trim_end_matches("/events").to_owned();
    for (scheme, host, asked) in [
        ("socks5", "127.0.0.1", "127.0.0.1"),
        ("socks5", "localhost", "127.0.0.1"),
        ("socks5h", "localhost", "localhost"),
    ] {
        let proxy = Socks::start(0, None);
        let url = format!("http://{host}:{port}/events");
        let watch =
            Watch::start(once(&url).proxy(&format!("{scheme}://{}", proxy.address)).unwrap());
        let exchange = origin.open("data: through\n\n");
        assert!(exchange.head.starts_with("GET /events HTTP/1.1\r\n"), "{}", exchange.head);
        assert_eq!(exchange.header("proxy-authorization"), None);
        until(&watch, |snapshot| snapshot.totals.events == 1);
        // A name that has several addresses may be asked for by any of them.
        let told = proxy.asked.recv_timeout(STUCK).unwrap().replace("::1", "127.0.0.1");
        assert_eq!(told, format!("{asked}:{port}"), "{scheme} {host}");
    }
}

#[test]
fn a_socks_proxy_is_told_who_asks() {
    let secure = Secure::start("server", b"h2", false);
    let proxy = Socks::start(0, Some("me:p@w"));
    let request = once(&secure.url()).authorities(&pem("ca.pem")).unwrap();
    let with_user =
        request.clone().proxy(&format!("socks5h://me:p%40w@{}", proxy.address)).unwrap();
    let watch = Watch::start(with_user);
    until(&watch, |snapshot| snapshot.totals.events == 1);
    let watch = Watch::start(
        request
            .clone()
            .proxy(&format!("socks5h://{}", proxy.address))
            .unwrap()
            .proxy_user("me:p@w"),
    );
    until(&watch, |snapshot| snapshot.totals.events == 1);
    for (proxy, sentence) in [
        (format!("socks5h://me:wrong-one@{}", proxy.address), "does not take this user"),
        (format!("socks5h://{}", proxy.address), "wants to know who asks"),
    ] {
        let (fault, told) = failed(&Watch::start(request.clone().proxy(&proxy).unwrap()));
        assert_eq!(fault, Fault::Connect);
        assert!(told.contains(sentence) && !told.contains("wrong-one"), "{told}");
    }
}

#[test]
fn what_a_socks_proxy_refuses_is_told_in_words() {
    let proxy = Socks::start(5, None);
    let url = format!("socks5://{}", proxy.address);
    let (fault, told) = failed(&Watch::start(once("http://127.0.0.1:9/").proxy(&url).unwrap()));
    assert_eq!(fault, Fault::Connect);
    assert!(told.contains("the connection was refused"), "{told}");
    // What is no SOCKS at all.
    let origin = Origin::start();
    let url = origin.url().replace("http", "socks5");
    let watch = Watch::start(once("http://127.0.0.1:9/").proxy(&url).unwrap());
    thread::spawn(move || {
        let (mut socket, _) = origin.listener().accept().unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        drain(socket);
    });
    let told = failed(&watch).1;
    assert!(told.contains("does not speak SOCKS 5"), "{told}");
    let told = once("http://127.0.0.1:9/").proxy("socks4://me:secret@a").unwrap_err().to_string();
    assert!(told.contains("not socks4") && !told.contains("secret"), "{told}");
}

#[test]
fn a_proxy_within_tls_is_gone_through() {
    let origin = Origin::start();
    let proxy = SecureProxy::start();
    let url = format!("https://{}", proxy.address);
    let trusting =
        |url: &str| once(url).proxy_authorities(&pem("ca.pem")).unwrap().proxy_user("me:pw");
    let watch = Watch::start(trusting(&origin.url()).proxy(&url).unwrap());
    let _exchange = origin.open("data: through\n\n");
    until(&watch, |snapshot| snapshot.totals.events == 1);
    let head = proxy.heads.recv_timeout(STUCK).unwrap();
    assert!(head.starts_with(&format!("GET {} HTTP/1.1\r\n", origin.url())), "{head}");
    assert!(head.to_lowercase().contains("proxy-authorization: basic bwu6chc=\r\n"), "{head}");

    let secure = Secure::start("server", b"h2", false);
    let request = trusting(&secure.url()).authorities(&pem("ca.pem")).unwrap();
    let watch = Watch::start(request.proxy(&url).unwrap());
    until(&watch, |snapshot| snapshot.totals.events == 1);
    let head = proxy.heads.recv_timeout(STUCK).unwrap();
    assert!(head.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", secure.address)), "{head}");

    // What is trusted of the server says nothing of the proxy.
    let (fault, told) =
        failed(&Watch::start(once(&origin.url()).insecure(true).proxy(&url).unwrap()));
    assert_eq!(fault, Fault::Tls);
    assert!(told.contains("no secure connection to the proxy"), "{told}");
}

#[test]
fn hosts_can_be_gone_to_without_a_proxy() {
    let origin = Origin::start();
    let watch = Watch::start(
        once(&origin.url()).proxy("http://127.0.0.1:9").unwrap().no_proxy("127.0.0.1"),
    );
    let _exchange = origin.open("data: straight\n\n");
    until(&watch, |snapshot| snapshot.totals.events == 1);
}

fn once(url: &str) -> WatchRequest {
    WatchRequest::new(url).unwrap().reconnect(Reconnect::Never)
}

fn until(watch: &Watch, condition: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let wait = async {
        let mut seen = 0;
        loop {
            seen = watch.changed(seen).await;
            let snapshot = watch.snapshot();
            if condition(&snapshot) {
                return snapshot;
            }
            assert!(!snapshot.state.is_over(), "{snapshot:?}");
        }
    };
    let waited = runtime.block_on(async { tokio::time::timeout(STUCK, wait).await });
    waited.unwrap_or_else(|_| panic!("stuck: {:?}", watch.snapshot()))
}

fn failed(watch: &Watch) -> (Fault, String) {
    let state = until(watch, |snapshot| snapshot.state.is_over()).state;
    let State::Failed { failure } = state else { panic!("{state:?}") };
    (failure.fault, failure.sentence)
}

fn drain(mut socket: TcpStream) {
    let _ = std::io::copy(&mut socket, &mut std::io::sink());
}

/// A SOCKS 5 proxy that tells what it is asked for, and answers by `reply`.
struct Socks {
    address: SocketAddr,
    asked: Receiver<String>,
}

impl Socks {
    fn start(reply: u8, user: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, asked) = channel();
        thread::spawn(move || {
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                if let Some(target) = greeted(&mut socket, user) {
                    socket.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
                    let _ = sender.send(target.clone());
                    if reply == 0 {
                        join(socket, TcpStream::connect(target).unwrap());
                    }
                }
            }
        });
        Self { address, asked }
    }
}

fn greeted(socket: &mut TcpStream, user: Option<&str>) -> Option<String> {
    let mut take = |count: usize| {
        let mut bytes = vec![0; count];
        socket.read_exact(&mut bytes).ok()?;
        Some(bytes)
    };
    let count = take(2)?[1];
    let methods = take(count.into())?;
    let wanted = if user.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        socket.write_all(&[5, 0xff]).unwrap();
        return None;
    }
    socket.write_all(&[5, wanted]).unwrap();
    let mut take = |count: usize| {
        let mut bytes = vec![0; count];
        socket.read_exact(&mut bytes).ok()?;
        Some(bytes)
    };
    let mut text = |length: usize| Some(String::from_utf8(take(length)?).unwrap());
    if let Some(user) = user {
        let length = text(2)?.as_bytes()[1];
        let name = text(length.into())?;
        let length = text(1)?.as_bytes()[0];
        let given = format!("{name}:{}", text(length.into())?);
        let is_right = given == user;
        socket.write_all(&[1, u8::from(!is_right)]).unwrap();
        if !is_right {
            return None;
        }
    }
    let mut head = [0; 4];
    socket.read_exact(&mut head).ok()?;
    let length = match head[3] {
        1 => 4,
        4 => 16,
        _ => {
            let mut length = [0];
            socket.read_exact(&mut length).ok()?;
            length[0].into()
        }
    };
    let mut host = vec![0; length];
    socket.read_exact(&mut host).ok()?;
    let mut port = [0; 2];
    socket.read_exact(&mut port).ok()?;
    let host = match head[3] {
        1 => <[u8; 4]>::try_from(host).unwrap().map(|byte| byte.to_string()).join("."),
        4 => "::1".into(),
        _ => String::from_utf8(host).unwrap(),
    };
    Some(format!("{host}:{}", u16::from_be_bytes(port)))
}

fn join(mut one: TcpStream, mut other: TcpStream) {
    let (mut from, mut to) = (one.try_clone().unwrap(), other.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut from, &mut to));
    thread::spawn(move || std::io::copy(&mut other, &mut one));
}
