//! Event streams of HTTP/1.1 past hyper: once it has sent the head and there is nothing more to send
//! at once, the connection's task writes the chunks itself. hyper would look after its read side, its
//! buffers and its encoder with every event, which costs more than all the rest but the system call.

use alloc::sync::Arc;
use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::{Buf, Bytes, BytesMut};
use futures_core::Stream;

use crate::{
    subscription::{Cut, Subscription},
    wire::{Wire, WireEnd},
};

/// Where a body, which hyper has, hands its stream over to the connection.
#[derive(Debug, Default)]
pub(crate) struct Lane(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Unused,
    /// hyper has what goes before, and has not written all of it perhaps.
    Handed(Subscription),
    /// Nothing is left at hyper.
    Free(Subscription),
    Driven,
    /// How the stream ended.
    Over(Option<Cut>),
}

impl Lane {
    /// Takes a stream of which there is nothing more to write for now.
    pub(crate) fn hand_over(&self, stream: Subscription) {
        *self.state() = State::Handed(stream);
    }

    /// hyper has written all that it had.
    pub(crate) fn flushed(&self) {
        let mut state = self.state();
        *state = match core::mem::take(&mut *state) {
            State::Handed(stream) => State::Free(stream),
            other @ (State::Unused | State::Free(_) | State::Driven | State::Over(_)) => other,
        };
    }

    /// Gives the stream to whoever writes it from now on.
    fn take(&self) -> Option<Subscription> {
        let mut state = self.state();
        match core::mem::replace(&mut *state, State::Driven) {
            State::Free(stream) => Some(stream),
            other @ (State::Unused | State::Handed(_) | State::Driven | State::Over(_)) => {
                *state = other;
                None
            }
        }
    }

    fn end(&self, how: Option<Cut>) {
        *self.state() = State::Over(how);
    }

    /// How the stream that was handed over has ended, if it has.
    pub(crate) fn poll_over(&self) -> Poll<Option<Cut>> {
        let mut state = self.state();
        match core::mem::take(&mut *state) {
            State::Over(how) => Poll::Ready(how),
            other @ (State::Unused | State::Handed(_) | State::Free(_) | State::Driven) => {
                *state = other;
                Poll::Pending
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics, and all who ask are one task.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that the connection's task writes.
#[derive(Debug)]
pub(crate) struct Driving {
    stream: Subscription,
    end: WireEnd,
    /// Of a chunk that the socket did not take whole: what is left.
    rest: Bytes,
}

/// Up to how many bytes a chunk is copied to be written from one place, which costs less than to have
/// the kernel gather it.
const SMALL: usize = 1024;

/// How many chunks are written before others have their turn.
const MAX_CHUNKS: usize = 16;

impl Driving {
    /// Takes over a stream that was handed over, if there is one.
    pub(crate) fn begin(wire: &Arc<Wire>) -> Option<Self> {
        let stream = wire.lane.take()?;
        wire.begin_driving();
        Some(Self { stream, end: WireEnd::new(wire.clone(), Vec::new()), rest: Bytes::new() })
    }

    /// Writes what there is, until the stream ends, which hyper is told.
    ///
    /// # Errors
    /// What the socket says.
    pub(crate) fn poll(&mut self, wire: &Wire, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..MAX_CHUNKS {
            while !self.rest.is_empty() {
                let rest = &self.rest;
                let len = ready!(self.end.poll_put(cx, |socket| socket.try_write(rest)))?;
                self.rest.advance(len);
            }
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(chunk)) => self.put(chunk, cx)?,
                over => {
                    wire.end_driving();
                    wire.lane.end(over.and_then(Result::err));
                    return Poll::Ready(Ok(()));
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes a chunk, as far as the socket takes it.
    fn put(&mut self, chunk: Bytes, cx: &mut Context<'_>) -> io::Result<()> {
        debug_assert!(!chunk.is_empty(), "an empty chunk ends the body");
        let mut head = [0; HEAD];
        let head = head_of(chunk.len(), &mut head);
        if head.len() + chunk.len() + END.len() > SMALL {
            let pieces = [head, &chunk, END].map(io::IoSlice::new);
            let put = self.end.poll_put(cx, |socket| socket.try_write_vectored(&pieces));
            return self.keep([head, &chunk, END], put);
        }
        let mut whole = [0; SMALL];
        let mut len = 0;
        for piece in [head, &chunk, END] {
            whole[len..len + piece.len()].copy_from_slice(piece);
            len += piece.len();
        }
        let whole = &whole[..len];
        let put = self.end.poll_put(cx, |socket| socket.try_write(whole));
        self.keep([whole, &[], &[]], put)
    }

    /// Keeps what was not taken.
    fn keep(&mut self, pieces: [&[u8]; 3], put: Poll<io::Result<usize>>) -> io::Result<()> {
        let mut taken = match put {
            Poll::Ready(taken) => taken?,
            Poll::Pending => 0,
        };
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        if taken == len {
            return Ok(());
        }
        let mut rest = BytesMut::with_capacity(len - taken);
        for piece in pieces {
            let skipped = taken.min(piece.len());
            rest.extend_from_slice(&piece[skipped..]);
            taken -= skipped;
        }
        self.rest = rest.freeze();
        Ok(())
    }
}

/// What ends a chunk (RFC 9112, section 7.1).
const END: &[u8] = b"\r\n";

/// The longest head of a chunk.
const HEAD: usize = 2 * size_of::<usize>() + END.len();

/// The head of a chunk: its length, in hexadecimal digits, and a line end.
fn head_of(mut len: usize, room: &mut [u8; HEAD]) -> &[u8] {
    let mut at = HEAD - END.len();
    room[at..].copy_from_slice(END);
    loop {
        at -= 1;
        room[at] = b"0123456789abcdef"[len & 15];
        len >>= 4;
        if len == 0 {
            return &room[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_chunk_is_its_length_in_hexadecimal_digits() {
        for len in [0, 1, 9, 10, 15, 16, 255, 256, 0xabcd, 16 << 10, usize::MAX] {
            let mut room = [0; HEAD];
            assert_eq!(head_of(len, &mut room), format!("{len:x}\r\n").as_bytes());
        }
    }
}
