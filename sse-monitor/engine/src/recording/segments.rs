//! Which files a recording lies in, and what a file is that is none.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::OpenError;
use crate::journal::{blob::Blob, frame};

/// So much of a file is looked through for a frame where its first bytes tell nothing.
const SEARCHED: usize = 64 << 10;

/// Whether a file that does not begin as a recording has frames of one.
pub(super) fn has_frames(file: &Blob) -> bool {
    let mut beginning = vec![0; SEARCHED];
    let read = file.read_at(0, &mut beginning);
    read.is_ok_and(|read| frame::are_in(&beginning[..read]))
}

/// The journals of a folder, in order.
pub(super) fn segments_of(folder: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let fail = |source| unreadable(folder, source);
    let mut files = Vec::new();
    for file in fs::read_dir(folder).map_err(fail)? {
        let path = file.map_err(fail)?.path();
        if path.extension().is_some_and(|extension| extension == "sse")
            && number_of(&path).is_some()
        {
            files.push(path);
        }
    }
    // Numbers of equal width, but for a session of more than a million segments.
    files.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    if files.is_empty() {
        return Err(OpenError::Empty { path: folder.into() });
    }
    Ok(files)
}

/// The number in a segment's name.
pub(super) fn number_of(path: &Path) -> Option<u64> {
    let digits = path.file_stem()?.to_str()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

pub(super) fn unreadable(path: &Path, source: io::Error) -> OpenError {
    OpenError::Unreadable { path: path.into(), source }
}

/// What a file seems to be instead.
pub(super) fn hint(beginning: &[u8]) -> &'static str {
    let text = beginning.trim_ascii_start();
    if beginning.is_empty() {
        "; it is empty"
    } else if text.starts_with(b"{\"log\"") || text.starts_with(b"{\n  \"log\"") {
        "; it looks like a HAR file, which can be imported: sse import FILE -o RECORDING"
    } else if text.starts_with(b"{") {
        "; it looks like lines of JSON, which can be imported: sse import FILE -o RECORDING"
    } else if [&b"data:"[..], b"event:", b"id:", b":", b"retry:"]
        .iter()
        .any(|f| text.starts_with(f))
    {
        "; it looks like the body of an event stream, which can be imported: sse import FILE -o RECORDING"
    } else {
        ""
    }
}
