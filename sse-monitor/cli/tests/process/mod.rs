//! `sse` as a process.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio},
};

use serde_json::Value;

/// A running `sse`.
pub(crate) struct Sse {
    pub(crate) child: Child,
    pub(crate) stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<BufReader<ChildStderr>>,
    pub(crate) stdout_read: String,
    stderr_read: String,
}

/// What a test leaves behind ends with it.
impl Drop for Sse {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sse {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self {
            stdout: child.stdout.take().map(BufReader::new),
            stderr: child.stderr.take().map(BufReader::new),
            child,
            stdout_read: String::new(),
            stderr_read: String::new(),
        }
    }

    /// Waits for a line on stdout.
    pub(crate) fn line(&mut self) {
        let stdout = self.stdout.as_mut().unwrap();
        assert_ne!(stdout.read_line(&mut self.stdout_read).unwrap(), 0, "it ended");
    }

    /// Waits for a line with `word` on stderr.
    pub(crate) fn until_word(&mut self, word: &str) {
        while !self.stderr_read.contains(word) {
            let stderr = self.stderr.as_mut().unwrap();
            let read = stderr.read_line(&mut self.stderr_read).unwrap();
            assert_ne!(read, 0, "it ended: {}", self.stderr_read);
        }
    }

    /// Waits until each of these was said on stderr.
    pub(crate) fn until_words(&mut self, words: &[&str]) {
        words.iter().for_each(|word| self.until_word(word));
    }

    /// Waits until this was printed on stdout.
    pub(crate) fn until_line(&mut self, text: &str) {
        while !self.stdout_read.contains(text) {
            self.line();
        }
    }

    /// Waits for the end; the output has what was read before.
    pub(crate) fn wait(mut self) -> Output {
        let mut stderr = self.stderr.take().unwrap();
        let mut said = core::mem::take(&mut self.stderr_read);
        let stderr = std::thread::spawn(move || {
            stderr.read_to_string(&mut said).unwrap();
            said.into_bytes()
        });
        let mut stdout = core::mem::take(&mut self.stdout_read).into_bytes();
        if let Some(mut rest) = self.stdout.take() {
            rest.read_to_end(&mut stdout).unwrap();
        }
        let status = self.child.wait().unwrap();
        Output { status, stdout, stderr: stderr.join().unwrap() }
    }
}

/// `sse tail` with these arguments.
pub(crate) fn start(args: &[&str]) -> Sse {
    Sse::spawn(&mut command(args))
}

pub(crate) fn command(args: &[&str]) -> Command {
    sse(&[&["tail"], args].concat())
}

/// `sse` with these arguments.
pub(crate) fn sse(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse"));
    command.args(args).env_remove("NO_COLOR").stdin(Stdio::null());
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    {
        command.env_remove(name);
    }
    command
}

#[cfg(unix)]
pub(crate) fn interrupt(child: &Child) {
    send(child, "-INT");
}

#[cfg(unix)]
pub(crate) fn terminate(child: &Child) {
    send(child, "-TERM");
}

#[cfg(unix)]
pub(crate) fn hang_up(child: &Child) {
    send(child, "-HUP");
}

/// `sse` with these arguments in a terminal: what comes is what that is shown. `script` gives it one.
#[cfg(target_os = "linux")]
pub(crate) fn in_terminal(folder: &std::path::Path, arguments: &str) -> Output {
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_sse"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(folder);
    script.env("TERM", "xterm-256color").env("NO_COLOR", "1").stdin(Stdio::null());
    script.output().unwrap()
}

#[cfg(unix)]
fn send(child: &Child, signal: &str) {
    let kill = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
}

pub(crate) fn lines(output: &Output) -> Vec<Value> {
    let text = core::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The record without its time, which is checked to be one.
pub(crate) fn without_time(record: &Value) -> Value {
    let mut record = record.clone();
    let time = record.as_object_mut().unwrap().remove("time").unwrap();
    let time = time.as_str().unwrap();
    assert!(time.len() == 27 && time.ends_with('Z'), "{time}");
    time.parse::<jiff::Timestamp>().unwrap();
    record
}

pub(crate) fn words(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Whether a terminal would show it as it is.
pub(crate) fn is_harmless(text: &[u8]) -> bool {
    let text = core::str::from_utf8(text).unwrap();
    !text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}')
}
