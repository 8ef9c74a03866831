//! `sse-server`: a hub of Server-Sent Events in one binary.

#![forbid(unsafe_code)]

mod args;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use sse_server::{Hub, InvalidConfig, Server, demo};
use tokio::sync::oneshot;

use crate::args::{Args, advice};

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::other(format!("cannot start: {error}")).tell(),
    };
    match runtime.block_on(run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

/// Why it did not start.
struct Failure {
    status: u8,
    sentence: String,
}

impl Failure {
    /// The command line is to blame.
    fn usage(sentence: String) -> Self {
        Self { status: 2, sentence }
    }

    fn other(sentence: String) -> Self {
        Self { status: 1, sentence }
    }

    fn tell(&self) -> ExitCode {
        // Nobody reading stderr changes nothing.
        let _ = writeln!(io::stderr(), "sse-server: {}", self.sentence);
        ExitCode::from(self.status)
    }
}

async fn run(args: Args) -> Result<(), Failure> {
    let hub = Hub::start(args.hub_config()).map_err(|error| Failure::usage(advice(&error)))?;
    let address = args.listen.to_string();
    let mut server = Server::bind(&args.listen, hub.clone(), args.server_config())
        .map_err(|error| cannot_listen("--listen", &address, &error))?;
    let admin = match &args.admin {
        Some(address) => {
            let bound = server.bind_admin(address);
            Some(bound.map_err(|error| cannot_listen("--admin", address, &error))?)
        }
        None => None,
    };
    // Before anybody is told that the server is there: whoever reads the line may stop it at once.
    let stop = stop_signal()
        .map_err(|error| Failure::other(format!("cannot listen for signals: {error}")))?;
    let bound = server.local_addr().map_err(|error| cannot_listen("--listen", &address, &error))?;
    // Nobody reading the line is no reason not to serve.
    let _ =
        writeln!(io::stdout(), "listening on http://{bound}").and_then(|()| io::stdout().flush());
    if let Some(admin) = admin {
        let _ =
            writeln!(io::stdout(), "admin on http://{admin}").and_then(|()| io::stdout().flush());
    }
    if args.demo {
        let _ = writeln!(io::stdout(), "the demo's stream is http://{bound}/events");
        tokio::spawn(demo::publish(hub));
    }
    server.run(stop).await;
    Ok(())
}

fn cannot_listen(flag: &str, address: &str, error: &io::Error) -> Failure {
    if let Some(error) = error.get_ref().and_then(|it| it.downcast_ref::<InvalidConfig>()) {
        return Failure::usage(advice(error));
    }
    let remedies = [
        (
            io::ErrorKind::AddrInUse,
            "is in use by another program; stop that one, or choose another port",
            " (port 0 takes a free one)",
        ),
        (
            io::ErrorKind::PermissionDenied,
            "is not ours to take; ports below 1024 need privileges, so choose a higher one",
            "",
        ),
        (io::ErrorKind::AddrNotAvailable, "is no address of this machine; choose one that is", ""),
    ];
    let sentence = match remedies.iter().find(|(kind, ..)| *kind == error.kind()) {
        Some((_, remedy, more)) => format!("{address} {remedy} with {flag}{more}"),
        None => format!(
            "cannot listen on {address}: {error}; {flag} takes an address and a port, \
             such as 127.0.0.1:8080"
        ),
    };
    if error.kind() == io::ErrorKind::InvalidInput {
        return Failure::usage(sentence);
    }
    Failure::other(sentence)
}

/// Comes true with the first signal to stop; the second ends the process at once.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let (sender, asked) = oneshot::channel();
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.next().await;
        let _ = sender.send(());
        let signal = signals.next().await;
        let _ = writeln!(io::stderr(), "sse-server: stopped without waiting for those who read");
        // As a shell has it of a program that a signal has ended.
        std::process::exit(128 + signal);
    });
    Ok(async {
        let _ = asked.await;
    })
}

#[cfg(unix)]
use tokio::signal::unix::SignalKind;

#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::signal;
        Ok(Self(signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
    }

    /// The next one, by its number.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.0.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.1.recv() => SignalKind::interrupt().as_raw_value(),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> i32 {
        // Without the means to listen there is nothing to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            core::future::pending::<()>().await;
        }
        2
    }
}
