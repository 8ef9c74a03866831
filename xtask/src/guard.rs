//! Stops a program as soon as whoever asked for it is gone.
//!
//! `cargo xtask run` starts the hub and the window through `xtask guard PROGRAM …`, and holds the
//! other end of the guard's standard input. However `run` ends (its own end, ^C, `kill -9`), that pipe
//! closes and the guard ends the program by its process id: nothing is left behind.

use core::fmt;
use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, Write},
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    thread,
};

use crate::command::{Failure, typed};

/// The hidden command's name.
pub(crate) const COMMAND: &str = "guard";

/// A command that runs `program` under guard, for [`Guarded::start`].
pub(crate) fn guarded(program: &Path) -> Result<Command, Failure> {
    let this = env::current_exe().map_err(|error| {
        Failure::new(
            format!("xtask cannot find its own program file: {error}"),
            "run it as `cargo xtask`",
        )
    })?;
    let mut command = Command::new(this);
    command.arg(COMMAND).arg(program).stdin(Stdio::piped());
    Ok(command)
}

/// A guarded program that runs. Dropping it stops the program and waits for its end.
pub(crate) struct Guarded(Child);

impl Guarded {
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failure> {
        let child = command.spawn().map_err(|error| {
            Failure::new(
                format!("`{}` could not be started: {error}", typed(command)),
                "run `cargo clean -p xtask`, then the same command again",
            )
        })?;
        Ok(Self(child))
    }

    /// What the program prints, where the command asked for a pipe.
    pub(crate) fn stdout(&mut self) -> Option<impl io::Read + Send + use<>> {
        self.0.stdout.take()
    }

    /// Waits for the program's own end.
    pub(crate) fn wait(&mut self) -> Result<ExitCode, Failure> {
        // `Child::wait` would close the standard input, which is what stops the program.
        let held = self.0.stdin.take();
        let status = self.0.wait().map_err(|error| cannot_wait(&error))?;
        drop(held);
        Ok(exit_code(status.code()))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Nobody is left to tell of an error.
        let _ = self.0.wait();
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guarded({})", self.0.id())
    }
}

/// The guard itself: runs the program until it ends, or until standard input does.
pub(crate) fn guard(program: &OsStr, args: &[OsString]) -> Result<ExitCode, Failure> {
    let mut command = Command::new(program);
    let mut child = command.args(args).stdin(Stdio::null()).spawn().map_err(|error| {
        Failure::new(
            format!("{} could not be started: {error}", program.display()),
            "run `cargo clean`, then the same command again",
        )
    })?;
    let pid = child.id();
    thread::spawn(move || {
        // An error means as much as the end: nobody holds the other side.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        stop(pid);
    });
    let status = child.wait().map_err(|error| cannot_wait(&error))?;
    Ok(exit_code(status.code()))
}

/// Asks a process to end, by its id.
fn stop(pid: u32) {
    let pid = pid.to_string();
    let status = if cfg!(windows) {
        Command::new("taskkill").args(["/F", "/PID", &pid]).stdout(Stdio::null()).status()
    } else {
        // The shell's own `kill`: a small system may have no program of that name.
        Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status()
    };
    if let Err(error) = status {
        let _ = writeln!(io::stderr(), "xtask: process {pid} could not be stopped: {error}");
    }
}

/// The program's own exit code; 1 where a signal ended it.
fn exit_code(code: Option<i32>) -> ExitCode {
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn cannot_wait(error: &io::Error) -> Failure {
    Failure::new(format!("a program's end could not be awaited: {error}"), "try again")
}
