//! What stdout is, and how much a pipe holds. And how it is written to.

use core::ops::ControlFlow;
use std::io::{self, IsTerminal, Write};

use crate::{exit::Exit, words::Words};

/// Writes what was gathered, and empties it; breaks where nobody reads on.
pub(crate) fn print(buffer: &mut String, words: &Words) -> ControlFlow<Exit> {
    let printed = bytes(buffer.as_bytes(), words);
    buffer.clear();
    printed
}

/// Writes these; breaks where nobody reads on.
pub(crate) fn bytes(bytes: &[u8], words: &Words) -> ControlFlow<Exit> {
    if bytes.is_empty() {
        return ControlFlow::Continue(());
    }
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()), words)
}

/// What came of writing to it; breaks where nobody reads on.
pub(crate) fn written<T>(result: io::Result<T>, words: &Words) -> ControlFlow<Exit, T> {
    match result {
        Ok(value) => ControlFlow::Continue(value),
        // Whoever read has enough, as `head` has.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ControlFlow::Break(Exit::Done),
        Err(error) => {
            words.error(&cannot_be_written(&error));
            ControlFlow::Break(Exit::Other)
        }
    }
}

/// A sentence.
pub(crate) fn cannot_be_written(error: &io::Error) -> String {
    format!("what is printed cannot be written to stdout: {error}")
}

/// Comes true once nobody can read any more what is written to a pipe. Elsewhere, and where it cannot be told, never.
#[cfg(unix)]
pub(crate) async fn closed() {
    use std::{fs::File, os::unix::fs::FileTypeExt};

    use tokio::{io::Interest, net::unix::pipe};

    let is_pipe = |file: &File| file.metadata().is_ok_and(|file| file.file_type().is_fifo());
    // Only waited for: with its own checks it would make stdout one that never blocks.
    let pipe = file().ok().filter(is_pipe).map(pipe::Sender::from_file_unchecked);
    match pipe {
        Some(Ok(pipe)) => {
            let _ = pipe.ready(Interest::ERROR).await;
        }
        Some(Err(_)) | None => core::future::pending().await,
    }
}

/// There a closed pipe is noticed with the next write.
#[cfg(not(unix))]
pub(crate) async fn closed() {
    core::future::pending().await
}

/// Whether it is neither a terminal nor a file. Who reads it may show it in the terminal that stderr is, as
/// `less` does, where a line that is written over would get in its way.
#[cfg(unix)]
pub(crate) fn is_piped() -> bool {
    let is_file = file().and_then(|file| file.metadata()).is_ok_and(|file| file.is_file());
    !is_file && !io::stdout().is_terminal()
}

#[cfg(unix)]
fn file() -> io::Result<std::fs::File> {
    use std::os::fd::AsFd;

    io::stdout().as_fd().try_clone_to_owned().map(std::fs::File::from)
}

/// Elsewhere a file is not told from a pipe.
#[cfg(not(unix))]
pub(crate) fn is_piped() -> bool {
    !io::stdout().is_terminal()
}

/// Has a pipe hold more, where it is one: so that a fast stream and who reads it need not wait for each
/// other at every 64 KiB.
#[cfg(target_os = "linux")]
pub(crate) fn widen() {
    const HELD: usize = 1 << 20;
    // Whatever it is that refuses, it only is no faster.
    let _ = rustix::pipe::fcntl_setpipe_size(io::stdout(), HELD);
}

/// Elsewhere it is as it is.
#[cfg(not(target_os = "linux"))]
pub(crate) fn widen() {}
