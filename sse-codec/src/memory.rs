//! Where a decoder keeps what does not lie whole in a chunk: memory that grows up to a limit, or
//! memory that the caller lends.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::fmt;
#[cfg(feature = "alloc")]
use core::mem;

/// Bytes of memory, of which the first `len` are in use.
///
/// All of the memory is initialised, so that a short piece is copied in whole registers, without a call.
pub(crate) struct Memory<S> {
    store: S,
    len: usize,
}

/// How much, and not what: neither a log line of megabytes, nor what a stream said in it.
impl<S> fmt::Debug for Memory<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("len", &self.len).finish_non_exhaustive()
    }
}

/// What a [`Memory`] lies in.
pub(crate) trait Store: AsRef<[u8]> + AsMut<[u8]> + fmt::Debug {
    /// Makes room for `len` bytes, and for no more than `limit`.
    fn grow(&mut self, len: usize, limit: usize) -> Result<(), Full>;

    /// Gives memory back, so that `len` bytes of it are left; or does nothing, where it was lent.
    fn shrink(&mut self, len: usize);
}

/// So much memory is kept for what comes next, whatever it was used for.
pub(crate) const KEPT: usize = 64 * 1024;

/// There is no room for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl<S: Store> Memory<S> {
    pub(crate) const fn new(store: S) -> Self {
        Self { store, len: 0 }
    }

    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.store.as_ref()[..self.len]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.store.as_mut()[..self.len]
    }

    #[inline(always)]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// How much there can be without growing.
    pub(crate) fn room(&self) -> usize {
        self.store.as_ref().len()
    }

    #[inline(always)]
    pub(crate) const fn clear(&mut self) {
        self.len = 0;
    }

    /// Empties it, and gives back half of what is over [`KEPT`] where less than a quarter was in use: an
    /// event that was larger than those after it is paid for a few times more, and then forgotten.
    #[inline(never)]
    pub(crate) fn clear_and_shrink(&mut self) {
        let room = self.room();
        if room > KEPT && self.len < room / 4 {
            self.store.shrink((room / 2).max(KEPT));
        }
        self.len = 0;
    }

    /// Empties it, and gives back all that is over [`KEPT`].
    pub(crate) fn reset(&mut self) {
        if self.room() > KEPT {
            self.store.shrink(KEPT);
        }
        self.len = 0;
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Appends all of `bytes`; or nothing, where they would pass `limit` or the memory there is.
    #[inline(always)]
    pub(crate) fn push(&mut self, bytes: &[u8], limit: usize) -> Result<(), Full> {
        let end = self.len + bytes.len();
        self.reserve(end, limit)?;
        copy(&mut self.store.as_mut()[self.len..end], bytes);
        self.len = end;
        Ok(())
    }

    /// Appends all of `bytes` if there is room for them without growing, and says so.
    #[inline(always)]
    pub(crate) fn push_within(&mut self, bytes: &[u8]) -> bool {
        let Some(room) = self.store.as_mut().get_mut(self.len..) else { return false };
        let Some(room) = room.get_mut(..bytes.len()) else { return false };
        copy(room, bytes);
        self.len += bytes.len();
        true
    }

    /// Appends the first `len` of `bytes` and a line feed; or nothing, where they would pass `limit` or the
    /// memory there is.
    #[inline(always)]
    pub(crate) fn push_line(&mut self, bytes: &[u8], len: usize, limit: usize) -> Result<(), Full> {
        let end = self.len + len;
        self.reserve(end + 1, limit)?;
        let room = &mut self.store.as_mut()[self.len..];
        copy_start(room, bytes, len);
        room[len] = b'\n';
        self.len = end + 1;
        Ok(())
    }

    /// Cuts, or appends bytes of any value; or does nothing, where that would pass `limit` or the memory
    /// there is.
    pub(crate) fn resize(&mut self, len: usize, limit: usize) -> Result<(), Full> {
        self.reserve(len, limit)?;
        self.len = len;
        Ok(())
    }

    #[inline(always)]
    fn reserve(&mut self, end: usize, limit: usize) -> Result<(), Full> {
        if end > limit {
            return Err(Full);
        }
        if end > self.store.as_ref().len() { self.store.grow(end, limit) } else { Ok(()) }
    }
}

/// Copies the first `len` bytes, and perhaps others after them: where there are such, lines of all lengths
/// up to a bound are copied alike, which no processor predicts wrong.
#[inline(always)]
fn copy_start(to: &mut [u8], from: &[u8], len: usize) {
    if !(copy_block::<64>(to, from, len) || copy_block::<192>(to, from, len)) {
        copy(&mut to[..len], &from[..len]);
    }
}

/// Copies `N` bytes, if `len` is no more than that and there are as many.
#[inline(always)]
fn copy_block<const N: usize>(to: &mut [u8], from: &[u8], len: usize) -> bool {
    match (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        (Some(to), Some(from)) if len <= N => {
            *to = *from;
            true
        }
        _ => false,
    }
}

/// Copies what is about as long as a line of a stream without a call: registers that overlap cover any
/// length.
///
/// # Panics
/// If the lengths differ.
#[inline(always)]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    if from.len() > 64 {
        to.copy_from_slice(from);
    } else if !(copy_ends::<32>(to, from)
        || copy_ends::<16>(to, from)
        || copy_ends::<8>(to, from)
        || copy_ends::<4>(to, from))
    {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
    }
}

/// Copies `N` to `2 * N` bytes; or says that they are fewer.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) -> bool {
    let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else {
        return false;
    };
    let start_of_last = from.len() - N;
    to[..N].copy_from_slice(first);
    to[start_of_last..from.len()].copy_from_slice(last);
    true
}

/// Memory that grows as needed.
#[cfg(feature = "alloc")]
pub(crate) type Growing = Box<[u8]>;

#[cfg(feature = "alloc")]
impl Store for Growing {
    /// Doubles like `Vec`, and by half where that is much, since all of it is made zero; but never takes more
    /// than the limit. `len` is no more than that either.
    #[inline(never)]
    fn grow(&mut self, len: usize, limit: usize) -> Result<(), Full> {
        let mut bytes = mem::take(self).into_vec();
        let more = if bytes.len() < KEPT { bytes.len() } else { bytes.len() / 2 };
        let mut grown = (bytes.len() + more).max(64).min(limit).max(len);
        if grown >= limit - limit / 8 {
            // Else the last step, however small, would have it twice while it moves.
            grown = limit;
        }
        bytes.reserve_exact(grown - bytes.len());
        bytes.resize(grown, 0);
        *self = bytes.into_boxed_slice();
        Ok(())
    }

    fn shrink(&mut self, len: usize) {
        let mut bytes = mem::take(self).into_vec();
        bytes.truncate(len);
        *self = bytes.into_boxed_slice();
    }
}

/// Memory that the caller lends.
pub(crate) type Lent<'b> = &'b mut [u8];

impl Store for Lent<'_> {
    fn grow(&mut self, _: usize, _: usize) -> Result<(), Full> {
        Err(Full)
    }

    fn shrink(&mut self, _: usize) {}
}
