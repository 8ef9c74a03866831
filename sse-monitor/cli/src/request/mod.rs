//! What to connect to and how: the options that `tail` and `record` share, curl's where they mean the
//! same.

use std::{fs, io::Read, path::PathBuf};

use clap::Args;
use sse_monitor_engine::{Reconnect, WatchRequest};

/// Where the stream is, and what to send.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// Where the event stream is, beginning with http:// or https://
    pub(crate) url: String,

    /// Send a header, as "Name: value"; can be given more than once
    ///
    /// @FILE takes the headers from a file, one a line, so that a secret need not stand in the
    /// command line, where other users of the machine can read it.
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,

    /// Go on after the event with this ID
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    last_event_id: String,

    /// Send this method
    #[arg(short = 'X', long = "request", value_name = "METHOD", help_heading = REQUEST)]
    method: Option<String>,

    /// Send this body, by POST; @FILE takes it from a file, @- from stdin
    #[arg(short = 'd', long = "data", value_name = "BODY", help_heading = REQUEST)]
    data: Option<String>,

    /// As --data, with "Content-Type: application/json"
    #[arg(long, value_name = "BODY", conflicts_with = "data", help_heading = REQUEST)]
    json: Option<String>,

    /// Send USER:PASSWORD as basic authentication; better in a file, by -H @FILE
    #[arg(short, long, value_name = "USER:PASSWORD", help_heading = REQUEST)]
    user: Option<String>,

    /// Ask for a compressed stream (gzip, br, zstd)
    #[arg(long, help_heading = REQUEST)]
    compressed: bool,

    /// Go through this proxy, such as http://127.0.0.1:3128
    ///
    /// Without it HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY of the environment hold.
    #[arg(short = 'x', long, value_name = "URL", help_heading = REQUEST)]
    proxy: Option<String>,

    /// Trust any certificate
    #[arg(short = 'k', long, help_heading = REQUEST)]
    insecure: bool,

    /// Trust what the certificates in this file (PEM) vouch for
    #[arg(long, value_name = "FILE", help_heading = REQUEST)]
    cacert: Option<PathBuf>,

    /// Show the certificate in this file (PEM)
    #[arg(short = 'E', long, value_name = "FILE", help_heading = REQUEST)]
    cert: Option<PathBuf>,

    /// The key of --cert (PEM), where it is in another file
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = REQUEST)]
    key: Option<PathBuf>,

    /// Do not connect again: stop when the stream ends
    #[arg(long, visible_alias = "no-reconnect")]
    pub(crate) once: bool,

    /// Keep trying even if the first connection fails
    #[arg(long, conflicts_with = "once")]
    pub(crate) keep_trying: bool,
}

const REQUEST: &str = "Request";

impl Connect {
    /// The request; the error is a sentence.
    pub(crate) fn request(&self) -> Result<WatchRequest, String> {
        let reconnect = match self {
            Self { once: true, .. } => Reconnect::Never,
            Self { keep_trying: true, .. } => Reconnect::Always,
            // Who mistyped a port should hear so, rather than wait.
            _ => Reconnect::OnceOpened,
        };
        let mut request = WatchRequest::new(&self.url)
            .and_then(|request| request.last_event_id(&self.last_event_id))
            .map_err(words)?
            .reconnect(reconnect)
            .compressed(self.compressed)
            .insecure(self.insecure);
        if let Some(user) = &self.user {
            request = request.user(user);
        }
        for header in &self.headers {
            request = headers(request, header)?;
        }
        if let Some(body) = self.data.as_ref().or(self.json.as_ref()) {
            request = request.body(body_of(body)?);
        }
        if self.json.is_some() {
            request = request.header("Content-Type: application/json").map_err(words)?;
        }
        if let Some(method) = &self.method {
            request = request.method(method).map_err(words)?;
        }
        if let Some(proxy) = &self.proxy {
            request = request.proxy(proxy);
        }
        if let Some(file) = &self.cacert {
            request = request.authorities(file).map_err(words)?;
        }
        if let Some(file) = &self.cert {
            request = request.identity(file, self.key.as_ref().unwrap_or(file)).map_err(words)?;
        }
        Ok(request)
    }
}

fn words(error: impl ToString) -> String {
    error.to_string()
}

fn headers(mut request: WatchRequest, header: &str) -> Result<WatchRequest, String> {
    let Some(path) = header.strip_prefix('@') else { return request.header(header).map_err(words) };
    let lines = fs::read_to_string(path)
        .map_err(|error| format!("the headers in {path} cannot be read: {error}"))?;
    for (line, number) in lines.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        request =
            request.header(line).map_err(|error| format!("{path}, line {number}: {error}"))?;
    }
    Ok(request)
}

fn body_of(given: &str) -> Result<Vec<u8>, String> {
    let Some(path) = given.strip_prefix('@') else { return Ok(given.into()) };
    let fail = |error| format!("the body in {path} cannot be read: {error}");
    if path == "-" {
        let mut body = Vec::new();
        std::io::stdin().read_to_end(&mut body).map_err(fail)?;
        return Ok(body);
    }
    fs::read(path).map_err(fail)
}
