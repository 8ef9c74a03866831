//! `sse publish`: sends events to a hub.

mod batch;
mod event;
mod route;

use core::{ops::ControlFlow, time::Duration};
use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use clap::Parser;
use sse_monitor_engine::{Answer, Caller, Failure, Fault};
use tokio::{runtime, time};

use crate::{
    args::Colour,
    escape,
    exit::Exit,
    request::{Way, named, read, unreadable},
    signals::asked_to_end,
    stdout,
    tail::is_coloured,
    words::Words,
};
pub(crate) use event::Template;
pub(crate) use route::Route;

/// More than any answer of a hub to one request has.
const MOST_ANSWER: usize = 4 << 20;

/// How long an answer may take.
const LONGEST: Duration = Duration::from_secs(60);

const EXAMPLES: &str = "\
Examples:
  To everyone who subscribed to a topic:
    sse publish http://127.0.0.1:8080 --topic prices '{\"eur\": 1.08}'

  A file's content to one user, as an event of a type of its own:
    sse publish http://127.0.0.1:8080 --to-user 7 --event report @report.txt

  To everyone, with a token that no command line shows:
    sse publish https://hub.example.com --token-file token.txt --all 'hello'

  Many, a JSON object a line, as POST /publish takes them or sse tail prints:
    sse publish http://127.0.0.1:8080 --ndjson @events.ndjson
    sse tail https://example.com/events |
      sse publish http://127.0.0.1:8080 --topic copy --ndjson

  The data as it is, to the topic that the URL names:
    sse publish http://127.0.0.1:8080/events/prices 1.08

The hub's IDs of the events go to stdout, one a line. Lines of --ndjson go in batches of up to \
1,000, of which a hub takes all or none; those that have not come yet are not waited for. Where the \
hub asks to wait, it waits. The exit statuses are listed in: sse --help";

/// The options of `sse publish`.
#[derive(Debug, Parser)]
#[command(after_long_help = EXAMPLES, after_help = "More, with examples: sse publish --help")]
pub(crate) struct Publish {
    /// The hub, such as http://127.0.0.1:8080, its /publish, or its /events/TOPIC
    url: String,

    /// What to send; @FILE takes it from a file, - from stdin, as does none where that is no terminal
    data: Option<String>,

    /// To those who subscribed to this topic; can be given more than once
    #[arg(long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,

    /// To this user
    #[arg(long, value_name = "ID")]
    to_user: Option<String>,

    /// To everyone
    #[arg(long)]
    all: bool,

    /// The event's type
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,

    /// Each line is an event: {"topic": "a", "event": "tick", "data": ...}, or a line of sse tail
    ///
    /// What a line does not say itself, --topic, --to-user, --all and --event say. Of the lines of sse tail
    /// those are left out that are no events, or events that a hub sends itself (connected, reset,
    /// heartbeat, presence).
    #[arg(long)]
    ndjson: bool,

    /// Say who you are by the token in this file, as "Authorization: Bearer TOKEN"
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    token_file: Option<PathBuf>,

    #[command(flatten)]
    way: Way,

    /// Say nothing but what went wrong
    #[arg(short, long)]
    silent: bool,

    /// Whether to use colour; NO_COLOR is respected
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colour,
}

/// Runs the command to its end.
pub(crate) fn run(publish: &Publish) -> Exit {
    let words = Words::new(is_coloured(publish.color, &io::stderr()), publish.silent);
    let prepared = prepare(publish);
    let (caller, route, source) = match prepared {
        Ok(prepared) => prepared,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Usage;
        }
    };
    // Before a Control-C is listened for: a terminal that nothing comes from can be left by it.
    let data = if publish.ndjson { Ok(String::new()) } else { data(&source) };
    let data = match data {
        Ok(data) => data,
        Err((exit, sentence)) => {
            words.error(&sentence);
            return exit;
        }
    };
    let runtime = match runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            words.error(&format!("the asynchronous runtime cannot start: {error}"));
            return Exit::Other;
        }
    };
    let template = publish.template();
    let exit = runtime.block_on(async {
        if publish.ndjson {
            return batch::run(caller, source, template, &words).await;
        }
        tokio::select! {
            exit = single(caller, &route, data, &template, &words) => exit,
            exit = asked_to_end() => exit,
        }
    });
    // A stdin that is being read from is not waited for.
    runtime.shutdown_background();
    exit
}

/// The error is a sentence.
fn prepare(publish: &Publish) -> Result<(Caller, Route, String), String> {
    let route = Route::of(&publish.url)?;
    let template = publish.template();
    if publish.ndjson && matches!(route, Route::Raw { .. }) {
        return Err("lines of JSON go to the hub or to its /publish, not to /events/TOPIC".into());
    }
    if template.names_target() && matches!(route, Route::Raw { .. }) {
        return Err(
            "the URL names the topic; give the hub's own URL with --topic, --to-user or --all"
                .into(),
        );
    }
    if !publish.ndjson && !template.names_target() && matches!(route, Route::Json { .. }) {
        return Err("say whom it is for: --topic, --to-user or --all".into());
    }
    let source = match &publish.data {
        Some(data) => data.clone(),
        None if io::stdin().is_terminal() => {
            return Err(
                "there is nothing to send: give it after the URL, or as @FILE, or in a pipe".into(),
            );
        }
        None => "-".into(),
    };
    let kind = if publish.ndjson { "application/x-ndjson" } else { route.media_type() };
    let mut request = publish.way.request(&route.url(publish.event.as_deref()))?;
    if let Some(file) = &publish.token_file {
        let token = token(file)?;
        request = request
            .header(&format!("Authorization: Bearer {token}"))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let request = request
        .header(&format!("Content-Type: {kind}"))
        .and_then(|request| request.header("Accept: application/json"))
        .and_then(|request| request.method("POST"))
        .map_err(|error| error.to_string())?;
    Ok((Caller::new(&request), route, source))
}

fn token(file: &Path) -> Result<String, String> {
    let name = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| format!("the token in {}", unreadable(&name.to_string(), &error)))?;
    let token = text.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(format!("{name} must hold a token and nothing else"));
    }
    Ok(token.into())
}

impl Publish {
    fn template(&self) -> Template {
        Template {
            topics: self.topics.clone(),
            user: self.to_user.clone(),
            all: self.all,
            event: self.event.clone(),
        }
    }
}

async fn single(
    mut caller: Caller,
    route: &Route,
    data: String,
    template: &Template,
    words: &Words,
) -> Exit {
    let body = match route {
        Route::Json { .. } => template.event_of(&data),
        Route::Raw { .. } => data,
    };
    match ids(post(&mut caller, body).await).await {
        Ok(ids) => {
            if ids.is_empty() {
                words.note("published; the server gave no ID");
            }
            match print(&ids, words) {
                ControlFlow::Continue(()) => Exit::Done,
                ControlFlow::Break(exit) => exit,
            }
        }
        Err(failure) => {
            words.error(&failure.sentence);
            failure.fault.into()
        }
    }
}

/// The data as it is; the error is a sentence, and the exit status.
fn data(source: &str) -> Result<String, (Exit, String)> {
    let path = match source {
        "-" => "-",
        _ => match source.strip_prefix('@') {
            Some(path) => path,
            None => return Ok(source.into()),
        },
    };
    let bytes = read(path).map_err(|error| (Exit::Usage, unreadable(path, &error)))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let name = named(path);
        (
            Exit::Other,
            format!("{name} is not UTF-8 at byte {at}; an event stream carries nothing else"),
        )
    })
}

pub(crate) async fn post(caller: &mut Caller, body: String) -> Result<Answer, Failure> {
    time::timeout(LONGEST, caller.post(body)).await.unwrap_or_else(|_| {
        let sentence = format!("the server gave no answer within {} s", LONGEST.as_secs());
        Err(Failure { fault: Fault::TimedOut, sentence })
    })
}

/// The IDs that the answer gives.
pub(crate) async fn ids(answer: Result<Answer, Failure>) -> Result<Vec<String>, Failure> {
    let mut answer = answer?;
    if !(200..300).contains(&answer.status()) {
        return Err(answer.refusal().await);
    }
    let body = answer.bytes(MOST_ANSWER).await?;
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let several = told["ids"].as_array().into_iter().flatten();
    let ids = told["id"].as_str().into_iter().chain(several.filter_map(|id| id.as_str()));
    Ok(ids.map(Into::into).collect())
}

/// Prints IDs, one a line.
fn print(ids: &[String], words: &Words) -> ControlFlow<Exit> {
    let mut text = String::new();
    for id in ids {
        text.push_str(&escape::shown(id));
        text.push('\n');
    }
    stdout::print(&mut text, words)
}
