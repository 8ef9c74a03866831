//! `sse serve`: a hub of one's own, to try things on.

use core::{net::Ipv4Addr, time::Duration};
use std::io::{self, Write};

use clap::Parser;
use sse_server::{Config, Hub, Server, ServerConfig, demo};
use tokio::runtime;

use crate::{args::Colour, exit::Exit, signals::asked_to_end, tail::is_coloured, words::Words};

/// Silence after which a stream is given a heartbeat: short in the demo, so that its quiet spells show some.
const DEMO_HEARTBEAT: Duration = Duration::from_secs(2);

/// How long those who read may take to read to the end.
const DRAIN: Duration = Duration::from_secs(10);

const EXAMPLES: &str = "\
Examples:
  A hub with a lively stream, and what it prints:
    sse serve --demo
    sse tail http://127.0.0.1:8080/events

  A hub on a free port; its URL is the only line on stdout:
    sse serve --port 0

It listens on 127.0.0.1, where only programs of this machine reach it, and asks nobody who they are: \
a hub for others is the program sse-server. Control-C lets those who read read to the end, for ten \
seconds at most, and so does SIGTERM; a second one ends it at once. What was published is forgotten \
when it ends.";

/// The options of `sse serve`.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// The port to listen on; 0 takes a free one
    #[arg(short, long, value_name = "PORT", default_value_t = 8080)]
    port: u16,

    /// Publish a lively mixed stream to everyone
    #[arg(long)]
    demo: bool,

    /// Ask nobody who they are (the default)
    #[arg(long)]
    open: bool,

    /// Say nothing but what went wrong
    #[arg(short, long)]
    silent: bool,

    /// Whether to use colour; NO_COLOR is respected
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colour,
}

/// Runs the command to its end.
pub(crate) fn run(serve: &Serve) -> Exit {
    let words = Words::new(is_coloured(serve.color, &io::stderr()), serve.silent);
    let runtime = match runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            words.error(&format!("the asynchronous runtime cannot start: {error}"));
            return Exit::Other;
        }
    };
    runtime.block_on(listen(serve, &words))
}

async fn listen(serve: &Serve, words: &Words) -> Exit {
    let mut config = Config::default();
    if serve.demo {
        config.hub.heartbeat = Some(DEMO_HEARTBEAT);
    }
    let hub = match Hub::start(config) {
        Ok(hub) => hub,
        Err(error) => {
            words.error(&error.to_string());
            return Exit::Other;
        }
    };
    let mut settings = ServerConfig::default();
    settings.drain_timeout = DRAIN;
    let bound = Server::bind((Ipv4Addr::LOCALHOST, serve.port), hub.clone(), settings)
        .and_then(|server| server.local_addr().map(|address| (server, address)));
    let (server, address) = match bound {
        Ok(bound) => bound,
        Err(error) => {
            words.error(&cannot_listen(serve.port, &error));
            return Exit::Other;
        }
    };
    // Before anybody is told that it is there: whoever reads the line may end it at once.
    let asked = asked_to_end();
    let url = format!("http://{address}");
    // Nobody reading it is no reason not to serve.
    let _ = writeln!(io::stdout(), "{url}/events").and_then(|()| io::stdout().flush());
    words.note(&format!("the hub listens on {url}; Control-C ends it. Try in other terminals:"));
    words.note(&format!("  sse tail '{url}/events?topic=news'"));
    words.note(&format!("  sse publish {url} --topic news 'hello'"));
    if serve.demo {
        words.note(&format!("the demo goes to everyone: {url}/events"));
        tokio::spawn(demo::publish(hub));
    }
    let say = *words;
    server
        .run(async move {
            asked.await;
            say.note("those who read read to the end; Control-C once more ends it at once");
            tokio::spawn(async { std::process::exit(asked_to_end().await as i32) });
        })
        .await;
    Exit::Done
}

fn cannot_listen(port: u16, error: &io::Error) -> String {
    let is = |kind| error.kind() == kind;
    if is(io::ErrorKind::AddrInUse) {
        format!(
            "port {port} is in use by another program; choose another with --port (0 takes a free one)"
        )
    } else if is(io::ErrorKind::PermissionDenied) {
        format!(
            "port {port} needs privileges, as those below 1024 do; choose a higher one with --port"
        )
    } else {
        format!("nothing can listen on port {port}: {error}")
    }
}
