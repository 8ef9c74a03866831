//! What the user names to be shown: a URL or a recording.

use alloc::borrow::Cow;
use core::net::Ipv4Addr;
use std::path::{Component, Path};

use sse_monitor_engine::{RequestError, recording::OpenError};
use thiserror::Error;

use crate::save::{EXTENSION, SaveError};

/// Why nothing is watched.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    #[error(
        "this is a curl command, and the window asks by GET, without headers of yours; run \
         `sse tail -- curl …` in a terminal, or `sse record -o feed.ssrec -- curl …` and open that file here"
    )]
    Curl,
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    UnderWay(#[from] SaveError),
}

/// Documentation and browsers give the command where a request needs more than a URL.
pub(crate) fn refuse_curl(given: &str) -> Result<(), ConnectError> {
    let mut words = given.split_whitespace();
    if words.next() == Some("curl") { Err(ConnectError::Curl) } else { Ok(()) }
}

/// Why a recording is not opened, with what can be done about a file that is none.
pub(crate) fn why_not_opened(error: &OpenError) -> String {
    if let OpenError::Foreign { hint: "", .. } = error {
        return format!(
            "{error}; the body of an event stream, lines of JSON or a HAR file can be imported: sse import FILE \
             -o RECORDING"
        );
    }
    error.to_string()
}

/// What is typed without a scheme is tried on this machine, where few speak TLS.
pub(crate) fn with_scheme(given: &str) -> Cow<'_, str> {
    let host = given.trim().split(['/', '?', '#']).next().unwrap_or_default();
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name =
        host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name);
    let is_here = ["localhost", "[::1]"].iter().any(|here| name.eq_ignore_ascii_case(here))
        || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    if is_here { format!("http://{}", given.trim()).into() } else { given.into() }
}

/// Whether a recording stands on the command line in place of a URL: a file or folder that there is, or
/// what is written as one, so that a mistyped path is not taken for a host.
pub(crate) fn as_recording(given: &str) -> bool {
    let path = Path::new(given);
    let is_written_so = path.extension().is_some_and(|ending| ending == EXTENSION)
        || given.starts_with("~/")
        || path.components().next().is_some_and(|first| !matches!(first, Component::Normal(_)));
    !given.contains("://") && (is_written_so || path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_from_a_url_whether_its_file_is_there_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().display().to_string();
        for path in [&there, "nofile.ssrec", "./nofile", "../nofile", "/nofile", "~/nofile"] {
            assert!(as_recording(path), "{path}");
        }
        for url in ["http://host/feed.ssrec", "host/events", "localhost:8080/events", "nofile", ""]
        {
            assert!(!as_recording(url), "{url}");
        }
    }

    #[test]
    fn what_is_typed_without_a_scheme_is_tried_on_this_machine() {
        for (given, tried) in [
            (" 127.0.0.1:9911/slow", "http://127.0.0.1:9911/slow"),
            ("localhost:8080/events", "http://localhost:8080/events"),
            ("localhost", "http://localhost"),
            ("[::1]:8080/?a=b", "http://[::1]:8080/?a=b"),
            ("[::1]/events", "http://[::1]/events"),
            ("LocalHost/events", "http://LocalHost/events"),
        ] {
            assert_eq!(with_scheme(given), tried);
        }
        for given in [
            "http://127.0.0.1/",
            "https://localhost",
            "example.com/x",
            "10.0.0.1:1",
            "localhosts/",
            "",
        ] {
            assert_eq!(with_scheme(given), given);
        }
    }

    #[test]
    fn a_file_that_is_no_recording_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes.txt");
        std::fs::write(&file, "dear diary").unwrap();
        let error = sse_monitor_engine::recording::Recording::open(&file).unwrap_err();
        let sentence = why_not_opened(&error);
        assert!(
            sentence.contains("is not a recording") && sentence.contains("sse import"),
            "{sentence}"
        );
    }

    #[test]
    fn a_curl_command_is_refused_with_the_way_round() {
        for command in ["curl http://127.0.0.1/ -H 'X-Key: abc'", " curl\thttp://127.0.0.1/"] {
            let sentence = refuse_curl(command).unwrap_err().to_string();
            assert!(sentence.contains("sse tail -- curl"), "{sentence}");
            assert!(sentence.contains("sse record -o feed.ssrec -- curl"), "{sentence}");
        }
        assert!(refuse_curl("curling.example/events").is_ok());
    }
}
