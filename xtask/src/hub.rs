//! The demo hub that `cargo xtask run` shows.

use std::{
    io::{self, BufRead, BufReader},
    process::Stdio,
    thread,
};

use crate::{
    command::Failure,
    guard::{Guarded, guarded},
    workspace,
};

/// What the hub's first line says before its address.
const LISTENING: &str = "listening on ";

/// A running demo hub; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Hub {
    url: String,
    _process: Guarded,
}

impl Hub {
    /// Starts the hub on a free loopback port, and returns once it accepts.
    pub(crate) fn start() -> Result<Self, Failure> {
        let mut command = guarded(&workspace::program("sse-server")?)?;
        command.args(["--demo", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut process = Guarded::start(&mut command)?;
        let stdout = process.stdout().ok_or_else(no_address)?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line).map_err(|_| no_address())?;
        let url = line.trim_end().strip_prefix(LISTENING).ok_or_else(no_address)?.to_owned();
        // What it says later must go somewhere, or a full pipe would stop it.
        thread::spawn(move || io::copy(&mut stdout, &mut io::stderr()));
        Ok(Self { url, _process: process })
    }

    /// The address of its event stream for everyone.
    pub(crate) fn events(&self) -> String {
        format!("{}/events", self.url)
    }
}

fn no_address() -> Failure {
    Failure::new(
        "the demo hub ended before it said where it listens",
        "read what it printed above, or try `cargo run -p sse-server -- --demo --listen 127.0.0.1:0`",
    )
}
