//! SOCKS 5 (RFC 1928), with a name and a password where the proxy wants them (RFC 1929).

use core::net::SocketAddr;
use std::io;

use sse_client::session::{Failure, FailureKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{failure, proxy::Proxy};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const NAME_AND_PASSWORD: u8 = 2;

/// Where the proxy is to connect to.
#[derive(Debug)]
pub(crate) enum Target {
    Address(SocketAddr),
    /// A name that the proxy looks up, and a port.
    Name(String, u16),
}

/// Asks the proxy for a way to `target`.
pub(crate) async fn open(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    proxy: &Proxy,
    target: &Target,
) -> Result<(), Failure> {
    let from = proxy.place();
    let broken = |error: io::Error| failure::unconnected(&from, &error);
    let refuse = |why: String| Err(Failure::new(FailureKind::Connect, format!("{from} {why}")));
    let foreign = || refuse("does not speak SOCKS 5: is it the right port?".into());

    let greeting: &[u8] = match proxy.user {
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, NAME_AND_PASSWORD],
        None => &[VERSION, 1, NO_AUTHENTICATION],
    };
    stream.write_all(greeting).await.map_err(broken)?;
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await.map_err(broken)?;
    match (answer, &proxy.user) {
        ([VERSION, NO_AUTHENTICATION], _) => {}
        ([VERSION, NAME_AND_PASSWORD], Some((name, password))) => {
            let (Ok(name_length), Ok(password_length)) =
                (u8::try_from(name.len()), u8::try_from(password.len()))
            else {
                return refuse("takes a name and a password of at most 255 bytes each".into());
            };
            let message =
                [&[1, name_length][..], name.as_bytes(), &[password_length], password.as_bytes()];
            stream.write_all(&message.concat()).await.map_err(broken)?;
            stream.read_exact(&mut answer).await.map_err(broken)?;
            if answer[1] != 0 {
                return refuse("does not take this user and password".into());
            }
        }
        ([VERSION, _], _) => {
            return refuse(
                "wants to know who asks: give it as USER:PASSWORD before its host".into(),
            );
        }
        _ => return foreign(),
    }

    stream
        .write_all(&request(target).map_err(|why| Failure::new(FailureKind::Request, why))?)
        .await
        .map_err(broken)?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.map_err(broken)?;
    let [version, reply, _, kind] = head;
    if version != VERSION {
        return foreign();
    }
    if reply != 0 {
        return refuse(format!("opens no way there: {}", told(reply)));
    }
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await.map_err(broken)?),
        _ => return foreign(),
    };
    // The address that it took for us, which nobody needs.
    let mut address = vec![0; length + 2];
    stream.read_exact(&mut address).await.map_err(broken)?;
    Ok(())
}

fn request(target: &Target) -> Result<Vec<u8>, String> {
    let mut request = vec![VERSION, 1, 0];
    let port = match target {
        Target::Address(SocketAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.ip().octets());
            address.port()
        }
        Target::Address(SocketAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.ip().octets());
            address.port()
        }
        Target::Name(name, port) => {
            let length = u8::try_from(name.len())
                .map_err(|_| "the host's name is longer than SOCKS can carry".to_owned())?;
            request.extend_from_slice(&[3, length]);
            request.extend_from_slice(name.as_bytes());
            *port
        }
    };
    request.extend_from_slice(&port.to_be_bytes());
    Ok(request)
}

fn told(reply: u8) -> String {
    match reply {
        1 => "it failed, it says".into(),
        2 => "its rules do not allow it".into(),
        3 => "the network cannot be reached".into(),
        4 => "the host cannot be reached".into(),
        5 => "the connection was refused; is the server running?".into(),
        6 => "it took too long".into(),
        7 => "it does not connect for others".into(),
        8 => "it does not know this kind of address".into(),
        other => format!("for a reason of its own ({other})"),
    }
}
