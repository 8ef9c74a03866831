//! Runs other programs, and says in a sentence what failed and what to do.

use core::fmt;
use std::{
    env,
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
};

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    /// `None`: whoever asked for it may know better than what it printed.
    cure: Option<String>,
    usage: bool,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { what: what.into(), cure: Some(cure.into()), usage: false }
    }

    /// The command line itself was wrong.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self { usage: true, ..Self::new(what, "see `cargo xtask help`") }
    }

    pub(crate) fn is_usage(&self) -> bool {
        self.usage
    }

    /// Another program failed, and told why itself.
    pub(crate) fn told(what: impl Into<String>) -> Self {
        Self { what: what.into(), cure: None, usage: false }
    }

    /// The same failure, with a word on what to do where it has none.
    pub(crate) fn or_cure(self, cure: impl Into<String>) -> Self {
        Self { cure: self.cure.or_else(|| Some(cure.into())), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cure = self.cure.as_deref().unwrap_or("read what it printed above");
        write!(f, "{}. What to do: {cure}.", self.what)
    }
}

/// Runs a command whose words go straight to the terminal.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    succeeded(command, status)
}

/// Runs a test runner: passes its words on, and keeps the lines with which it sums up.
pub(crate) fn run_tests(command: &mut Command, closing: &mut Vec<String>) -> Result<(), Failure> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(command, &error))?;
    let (sender, lines) = mpsc::channel();
    let readers = [
        child.stdout.take().map(|from| copy_lines(from, io::stdout(), sender.clone())),
        child.stderr.take().map(|from| copy_lines(from, io::stderr(), sender)),
    ];
    closing.extend(lines);
    for reader in readers.into_iter().flatten() {
        reader.join().expect("a thread that copies lines does not panic");
    }
    let status = child.wait().map_err(|error| not_started(command, &error))?;
    succeeded(command, status)
}

/// What a command printed, without its last line break.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| not_started(command, &error))?;
    succeeded(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// What a command printed, which was also shown line by line as it came.
pub(crate) fn output_shown(command: &mut Command) -> Result<String, Failure> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| not_started(command, &error))?;
    let mut printed = String::new();
    for line in child.stdout.take().into_iter().flat_map(|from| BufReader::new(from).lines()) {
        // What is no text, or breaks off, is told by the status.
        let Ok(line) = line else { break };
        println!("{line}");
        printed.push_str(&line);
        printed.push('\n');
    }
    let status = child.wait().map_err(|error| not_started(command, &error))?;
    succeeded(command, status)?;
    Ok(printed)
}

/// Whether a program of this name stands on the search path.
pub(crate) fn exists(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .any(|folder| folder.join(program).with_extension(env::consts::EXE_EXTENSION).is_file())
}

/// A runner sees a pipe where a person may look on, and some show colours to none: tells it which.
pub(crate) fn coloured(command: &mut Command) -> &mut Command {
    if io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always").env("FORCE_COLOR", "1")
    } else {
        command.env("NO_COLOR", "1").env_remove("FORCE_COLOR")
    }
}

/// A command as one would type it: cargo names itself by its full path.
pub(crate) fn typed(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or(command.get_program());
    let words = [program].into_iter().chain(command.get_args());
    words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:+@,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{word}'") }
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    Err(Failure::told(format!("`{}` failed ({status})", typed(command))))
}

fn not_started(command: &Command, error: &io::Error) -> Failure {
    let program = command.get_program().display();
    Failure::new(
        format!("`{}` could not be started: {error}", typed(command)),
        format!("install `{program}`, or put it on the PATH"),
    )
}

/// Copies line by line, so that two streams of one program never break into each other's lines.
fn copy_lines(
    from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    closing: mpsc::Sender<String>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        // A broken pipe on either side ends the copy; the program's own status tells the rest.
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if to.write_all(&line).and_then(|()| to.flush()).is_err() {
                return;
            }
            let text = String::from_utf8_lossy(&line);
            if sums_up(&text) {
                // The receiver lives as long as both copies.
                let _ = closing.send(text.trim_end().to_owned());
            }
            line.clear();
        }
    })
}

/// Whether a test runner closes with this line: nextest, libtest, vitest. A target without tests has
/// nothing to sum up.
fn sums_up(line: &str) -> bool {
    let nextest = line.contains(" tests run: ") || line.contains(" test run: ");
    let libtest = line.starts_with("test result: ") && !line.contains(" 0 passed; 0 failed");
    let vitest =
        line.contains("  Tests ") && (line.contains(" passed") || line.contains(" failed"));
    nextest || libtest || vitest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("xvfb-run");
        command.args(["-s", "-screen 0 1x1x24", "app", ""]);
        assert_eq!(typed(&command), "xvfb-run -s '-screen 0 1x1x24' app ''");
    }

    #[test]
    fn a_failure_says_what_and_what_to_do() {
        let failure = run(&mut Command::new("no-such-program-anywhere")).unwrap_err();
        let sentence = failure.to_string();
        assert!(sentence.starts_with("`no-such-program-anywhere` could not be started"));
        assert!(sentence.contains("What to do: install `no-such-program-anywhere`"), "{sentence}");
    }

    #[test]
    fn closing_lines_of_the_runners_are_known() {
        assert!(sums_up("     Summary [   0.052s] 30 tests run: 30 passed, 0 skipped\n"));
        assert!(sums_up("     Summary [   0.052s] 1 test run: 1 passed, 2 skipped\n"));
        assert!(sums_up("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\n"));
        assert!(sums_up("      Tests  12 passed (12)\n"));
        assert!(!sums_up("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured\n"));
        assert!(!sums_up(" Test Files  2 passed (2)\n"));
        assert!(!sums_up("test tests::this_passes ... ok\n"));
    }
}
