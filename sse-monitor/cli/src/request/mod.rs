//! What to connect to and how: the options that all commands which connect share, curl's where they mean
//! the same, and curl commands taken whole.

mod body;
pub(crate) mod curl;
mod curl_options;
mod parts;
mod shell_words;

use std::path::PathBuf;

use clap::Args;
use sse_monitor_engine::{Failure, Fault, Reconnect, WatchRequest};

use body::Body;
use parts::{Parts, words};
pub(crate) use parts::{named, read, unreadable};

use crate::{limits::Most, words::Words};

/// More than anybody reads side by side; each has a thread of its own.
const MOST_STREAMS: usize = 256;

/// Where the streams are, and what to send: of every command that reads one.
#[derive(Clone, Debug, Args)]
pub(crate) struct Target {
    /// Where the event stream is, beginning with http:// or https://; or a curl command
    ///
    /// A curl command is taken whole, as one quoted text or after two dashes: -- curl URL -H ...
    #[arg(value_name = "URL", required = true, num_args = 1..)]
    urls: Vec<String>,

    #[command(flatten)]
    pub(crate) way: Way,

    /// Send this method
    #[arg(short = 'X', long = "request", value_name = "METHOD", help_heading = REQUEST)]
    method: Option<String>,

    #[command(flatten)]
    body: Body,

    /// Ask for a compressed stream (gzip, br, zstd)
    #[arg(long, help_heading = REQUEST)]
    compressed: bool,
}

/// The streams to watch, and from where on.
#[derive(Clone, Debug, Args)]
pub(crate) struct Connect {
    #[command(flatten)]
    target: Target,

    /// Go on after the event with this ID
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    last_event_id: String,
}

/// By what way to the server, and who asks.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Way {
    /// Send a header, as "Name: value"; can be given more than once
    ///
    /// @FILE takes the headers from a file, @- from stdin, one a line, so that a secret need not stand
    /// in the command line, where other users of the machine can read it. As curl has it, "Name:" takes
    /// away a header that would be sent, and "Name;" sends one without a value.
    #[arg(short = 'H', long = "header", value_name = "HEADER", help_heading = REQUEST)]
    headers: Vec<String>,

    /// Send USER:PASSWORD as basic authentication; better in a file, by -H @FILE
    #[arg(short, long, value_name = "USER:PASSWORD", help_heading = REQUEST)]
    user: Option<String>,

    /// Go through this proxy: http://, https://, socks5:// or, to have it look the name up, socks5h://
    ///
    /// Without it HTTPS_PROXY, http_proxy and ALL_PROXY of the environment hold; NO_PROXY holds in any
    /// case. Without a port 1080 is meant, as curl has it; of https:// 443.
    #[arg(short = 'x', long, value_name = "URL", help_heading = WAY)]
    proxy: Option<String>,

    /// Send the proxy USER:PASSWORD
    #[arg(short = 'U', long, value_name = "USER:PASSWORD", help_heading = WAY)]
    proxy_user: Option<String>,

    /// Go to these hosts without a proxy, with commas between; * is all. Instead of NO_PROXY
    #[arg(long = "noproxy", value_name = "HOSTS", help_heading = WAY)]
    no_proxy: Option<String>,

    /// Trust any certificate of an https:// proxy
    #[arg(long, help_heading = WAY)]
    proxy_insecure: bool,

    /// Trust what the certificates in this file (PEM) vouch for, of an https:// proxy
    #[arg(long, value_name = "FILE", help_heading = WAY)]
    proxy_cacert: Option<PathBuf>,

    /// Trust any certificate
    #[arg(short = 'k', long, help_heading = WAY)]
    insecure: bool,

    /// Trust what the certificates in this file (PEM) vouch for
    #[arg(long, value_name = "FILE", help_heading = WAY)]
    cacert: Option<PathBuf>,

    /// Show the certificate in this file (PEM)
    #[arg(short = 'E', long, value_name = "FILE", help_heading = WAY)]
    cert: Option<PathBuf>,

    /// The key of --cert (PEM), where it is in another file
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = WAY)]
    key: Option<PathBuf>,
}

/// When to connect again.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Again {
    /// Do not connect again: stop when the stream ends
    #[arg(long, visible_alias = "no-reconnect")]
    pub(crate) once: bool,

    /// Keep trying even if the first connection fails; with --once, until one is open
    ///
    /// A request with a body, or of another method than GET, is sent again too then, whenever its answer has ended;
    /// with --once, until it is answered.
    #[arg(long)]
    pub(crate) keep_trying: bool,
}

const REQUEST: &str = "Request";
const WAY: &str = "Proxies and TLS";

impl Again {
    fn reconnect(self, request: &WatchRequest) -> Reconnect {
        match self {
            Self { once: true, keep_trying: true } => Reconnect::UntilOpened,
            Self { once: true, .. } => Reconnect::Never,
            Self { keep_trying: true, .. } => Reconnect::Always,
            // Each may cost something, or change something.
            Self { .. } if !request.is_repeatable() => Reconnect::Never,
            // Who mistyped a port should hear so, rather than wait.
            Self { .. } => Reconnect::OnceOpened,
        }
    }
}

/// A failure in words, and what can be done about a request that is sent once, unless the command was told how often.
pub(crate) fn broken(failure: &Failure, was_sent_once: bool) -> String {
    let sentence = &failure.sentence;
    if was_sent_once && failure.fault == Fault::Connect {
        return format!(
            "{sentence}; the answer is cut off, and a request like this is sent once (to send it again, add \
             --keep-trying)"
        );
    }
    sentence.clone()
}

impl Way {
    fn parts(&self) -> Parts {
        Parts {
            headers: self.headers.clone(),
            user: self.user.clone(),
            proxy: self.proxy.clone(),
            proxy_user: self.proxy_user.clone(),
            no_proxy: self.no_proxy.clone(),
            proxy_insecure: self.proxy_insecure,
            proxy_cacert: self.proxy_cacert.clone(),
            insecure: self.insecure,
            cacert: self.cacert.clone(),
            cert: self.cert.clone(),
            key: self.key.clone(),
            ..Parts::default()
        }
    }

    /// A request to this URL; the error is a sentence.
    pub(crate) fn request(&self, url: &str) -> Result<WatchRequest, String> {
        let requests = self.parts().requests(&[url.to_owned()])?;
        requests.into_iter().next().ok_or_else(|| "no URL was given".into())
    }
}

impl Target {
    /// The URLs and what to send there, of a curl command where one is given; the error is a sentence.
    fn given(&self, say: &Words) -> Result<(Vec<String>, Parts), String> {
        let parts = Parts {
            method: self.method.clone(),
            data: self.body.0.clone(),
            compressed: self.compressed,
            ..self.way.parts()
        };
        let Some(pasted) = curl::pasted(&self.urls) else {
            return Ok((self.urls.clone(), parts));
        };
        let pasted = pasted?;
        if !pasted.ignored.is_empty() {
            say.note(&format!(
                "of the curl command this means nothing here, and is left out: {}",
                pasted.ignored.join(", ")
            ));
        }
        Ok((pasted.urls, parts.and(pasted.parts)))
    }

    /// The one request, for a stream that is read as it comes over the wire; the error is a sentence.
    pub(crate) fn uncompressed(&self, say: &Words) -> Result<WatchRequest, String> {
        let (urls, mut parts) = self.given(say)?;
        if core::mem::take(&mut parts.compressed) {
            say.note("no compression is asked for here: --compressed is left out");
        }
        one(parts.requests(&urls)?)
    }
}

impl Connect {
    /// The requests; the error is a sentence.
    pub(crate) fn requests(
        &self,
        again: Again,
        most: Most,
        say: &Words,
    ) -> Result<Vec<WatchRequest>, String> {
        let (urls, parts) = self.target.given(say)?;
        if urls.len() > MOST_STREAMS {
            return Err(format!("at most {MOST_STREAMS} streams are read at once"));
        }
        if urls.len() > 1 && !self.last_event_id.is_empty() {
            return Err(
                "--last-event-id is of one stream, and several URLs were given; --state keeps \
                        the place of each"
                    .into(),
            );
        }
        let requests = parts.requests(&urls)?.into_iter().map(|request| {
            let reconnect = again.reconnect(&request);
            let request = request.reconnect(reconnect).limits(most.limits());
            request.last_event_id(&self.last_event_id).map_err(words)
        });
        requests.collect()
    }

    /// The request, where there is to be one; the error is a sentence.
    pub(crate) fn request(
        &self,
        again: Again,
        most: Most,
        say: &Words,
    ) -> Result<WatchRequest, String> {
        one(self.requests(again, most, say)?)
    }
}

fn one(mut requests: Vec<WatchRequest>) -> Result<WatchRequest, String> {
    match requests.len() {
        1 => Ok(requests.remove(0)),
        several => Err(format!("one stream is taken at a time, and {several} URLs were given")),
    }
}
