//! Processes of the test's own, each ended by its id, with all that it started.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::Instant,
};

use tempfile::NamedTempFile;

use super::{LOOK_EVERY, PATIENCE};

/// Runs until it is dropped. What it says on stderr is shown if the test fails.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    said: NamedTempFile,
}

impl Process {
    /// Starts it. `hint` is what to do if it is not there.
    pub(crate) fn start(name: &'static str, command: &mut Command, hint: &str) -> Self {
        let said = NamedTempFile::new().expect("there is room for a temporary file");
        let stderr = said.reopen().expect("a file just made can be opened");
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} did not start ({error}): {hint}"));
        Self { name, child, said }
    }

    /// The first line of its stdout.
    pub(crate) fn first_line(&mut self) -> String {
        let stdout: ChildStdout = self.child.stdout.take().expect("stdout is read once");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("stdout is text");
        assert!(!line.is_empty(), "{} ended without a word on stdout", self.name);
        line.trim_end().to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_some()
    }

    /// One of this name that it or another of its descendants started; the kernel keeps fifteen letters.
    pub(crate) fn descendant(&self, name: &str) -> Option<u32> {
        let is_named = |id: &u32| {
            fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|comm| comm.trim_end() == name)
        };
        descendants(self.child.id()).into_iter().find(is_named)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        signal("-TERM", self.child.id());
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "{} did not stop when asked", self.name);
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A WebDriver killed in the middle of a session leaves its window open.
        let started = descendants(self.child.id());
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for id in started {
            signal("-KILL", id);
        }
        if thread::panicking() {
            let said = fs::read_to_string(self.said.path()).unwrap_or_default();
            eprintln!("--- {} said on stderr:\n{said}", self.name);
        }
    }
}

/// Sends a signal such as `-TERM`.
pub(crate) fn signal(name: &str, id: u32) {
    // It fails only if the process has ended already.
    let _ = Command::new("kill").args([name, &id.to_string()]).stderr(Stdio::null()).status();
}

/// Ends it as a crash would, and waits until it holds nothing any more.
pub(crate) fn kill(id: u32) {
    signal("-KILL", id);
    let begun = Instant::now();
    while runs(id) {
        assert!(begun.elapsed() < PATIENCE, "{id} did not end when killed");
        thread::sleep(LOOK_EVERY);
    }
}

/// Whether it has not ended, though nobody may have asked how.
pub(crate) fn runs(id: u32) -> bool {
    stat(id).is_some_and(|(state, _)| state != "Z")
}

/// The ids of all that `ancestor` started and that still runs.
fn descendants(ancestor: u32) -> Vec<u32> {
    let processes: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let id = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Some((id, stat(id)?.1))
        })
        .collect();
    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(&id) = found.get(next) {
        found.extend(processes.iter().filter(|(_, parent)| *parent == id).map(|(child, _)| child));
        next += 1;
    }
    found.split_off(1)
}

/// The state of a process and its parent, the third and fourth field of `stat`; the second is a name in
/// brackets that may hold anything.
fn stat(id: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.into(), fields.next()?.parse().ok()?))
}
