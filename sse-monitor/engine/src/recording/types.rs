//! The interned event types of a session, as text that is checked line by line.

use alloc::sync::Arc;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use crate::journal::kept::Kept;

/// What the file is called in a session's folder.
pub(crate) const TYPES_FILE: &str = "types";

/// The file that a recording session appends to.
#[derive(Debug)]
pub(crate) struct TypesFile {
    file: File,
    written: usize,
    length: u64,
}

impl TypesFile {
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        Ok(Self { file: options.open(folder.join(TYPES_FILE))?, written: 0, length: 0 })
    }

    /// Writes the types that are new since the last call.
    pub(crate) fn append(&mut self, kept: &Kept) -> io::Result<()> {
        let new = kept.types_after(self.written);
        if !new.is_empty() {
            let text = encode(&new);
            self.file.write_all(text.as_bytes())?;
            self.written += new.len();
            self.length += text.len() as u64;
        }
        Ok(())
    }

    /// How long it is once the types that are new are written.
    pub(crate) fn length_with(&self, kept: &Kept) -> u64 {
        self.length + encode(&kept.types_after(self.written)).len() as u64
    }
}

/// A line each: the CRC in eight hexadecimal digits, a space, the type. No type has a line break.
pub(crate) fn encode(types: &[Arc<str>]) -> String {
    types.iter().map(|name| line(name)).collect()
}

pub(super) fn line(text: &str) -> String {
    format!("{:08x} {text}\n", crc32fast::hash(text.as_bytes()))
}

/// What a line holds, without its end, if it is as it was written.
pub(super) fn checked_line(line: &str) -> Option<&str> {
    let (crc, text) = line.split_once(' ')?;
    (crc == format!("{:08x}", crc32fast::hash(text.as_bytes()))).then_some(text)
}

/// `None`: damaged.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Arc<str>>> {
    let text = core::str::from_utf8(bytes).ok()?;
    if text.is_empty() {
        return Some(Vec::new());
    }
    let lines = text.strip_suffix('\n')?.split('\n');
    lines.map(|line| checked_line(line).map(Arc::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_back_and_damage_is_seen() {
        let types: Vec<Arc<str>> = vec!["message".into(), "a b".into(), "é".into()];
        let text = encode(&types);
        assert_eq!(decode(text.as_bytes()), Some(types));
        assert_eq!(decode(b""), Some(Vec::new()));
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes), None, "bit {bit}");
        }
    }
}
