//! Where a decoder keeps what does not lie whole in a chunk: memory that grows up to a limit, or
//! memory that the caller lends.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::scan::{Full, Memory};

/// Memory that grows as needed.
#[cfg(feature = "alloc")]
#[derive(Debug, Default)]
pub(crate) struct Growing(Vec<u8>);

#[cfg(feature = "alloc")]
impl Growing {
    /// Doubles like `Vec`, but never takes more than the limit.
    #[inline(never)]
    fn grow(&mut self, len: usize, limit: usize) {
        let capacity = (2 * self.0.capacity()).max(64).min(limit).max(len);
        self.0.reserve_exact(capacity - self.0.len());
    }
}

#[cfg(feature = "alloc")]
impl Memory for Growing {
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    #[inline(always)]
    fn push(&mut self, bytes: &[u8], limit: usize) -> Result<(), Full> {
        let len = self.0.len() + bytes.len();
        if len > limit {
            return Err(Full);
        }
        if len > self.0.capacity() {
            self.grow(len, limit);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    #[inline(always)]
    fn push_line(&mut self, bytes: &[u8], limit: usize) -> Result<(), Full> {
        let len = self.0.len() + bytes.len() + 1;
        if len > limit {
            return Err(Full);
        }
        if len > self.0.capacity() {
            self.grow(len, limit);
        }
        self.0.extend_from_slice(bytes);
        self.0.push(b'\n');
        Ok(())
    }

    fn resize(&mut self, len: usize, limit: usize) -> Result<(), Full> {
        if len > limit {
            return Err(Full);
        }
        if len > self.0.capacity() {
            self.grow(len, limit);
        }
        self.0.resize(len, 0);
        Ok(())
    }

    #[inline(always)]
    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Memory that the caller lends.
#[derive(Debug)]
pub(crate) struct Lent<'b> {
    bytes: &'b mut [u8],
    len: usize,
}

impl<'b> Lent<'b> {
    pub(crate) const fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes, len: 0 }
    }
}

impl Memory for Lent<'_> {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }

    fn push(&mut self, bytes: &[u8], limit: usize) -> Result<(), Full> {
        let end = self.len + bytes.len();
        if end > limit {
            return Err(Full);
        }
        self.bytes.get_mut(self.len..end).ok_or(Full)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    fn push_line(&mut self, bytes: &[u8], limit: usize) -> Result<(), Full> {
        if bytes.len() >= self.bytes.len().min(limit) - self.len {
            return Err(Full);
        }
        self.push(bytes, limit)?;
        self.push(b"\n", limit)
    }

    fn resize(&mut self, len: usize, limit: usize) -> Result<(), Full> {
        if len > self.bytes.len().min(limit) {
            return Err(Full);
        }
        if len > self.len {
            self.bytes[self.len..len].fill(0);
        }
        self.len = len;
        Ok(())
    }

    fn clear(&mut self) {
        self.len = 0;
    }
}
