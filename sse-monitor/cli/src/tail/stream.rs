//! One of the streams that are printed.

use alloc::borrow::Cow;
use core::{future::poll_fn, task::Poll};

use sse_monitor_engine::{State, Watch, WatchRequest};

use super::name::Name;
use crate::exit::Exit;

/// A stream, and how far it is printed.
#[derive(Debug)]
pub(crate) struct Stream {
    watch: Watch,
    /// Its number among those that are read, from 0.
    pub(crate) number: usize,
    /// What it is called, where there are several.
    pub(crate) name: Option<Name>,
    /// The revision that was looked at.
    seen: u64,
    /// The next row to print.
    next: u64,
    /// How it ended.
    pub(crate) over: Option<Exit>,
    /// Whether its request is sent again where nothing else was asked for.
    pub(crate) is_repeatable: bool,
    /// Whether it was ever open.
    pub(crate) opened: bool,
    /// What was said of the redirect before, if this attempt had one.
    pub(crate) redirect: String,
    /// The ID at the latest event that was looked at, where somebody keeps it.
    pub(crate) passed: Option<String>,
}

impl Stream {
    pub(crate) fn start(number: usize, request: WatchRequest, name: Option<Name>) -> Self {
        Self {
            number,
            is_repeatable: request.is_repeatable(),
            watch: Watch::start(request),
            name,
            seen: 0,
            next: 1,
            over: None,
            opened: false,
            redirect: String::new(),
            passed: None,
        }
    }

    /// How it stands. Taken before rows are: once it is over, they are the last.
    pub(crate) fn state(&self) -> State {
        self.watch.snapshot().state
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The first row that is not printed yet.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// The rows before this one are printed.
    pub(crate) fn printed(&mut self, next: u64) {
        self.next = next;
        self.watch.release(next);
    }

    /// A sentence about it, with its name where there are others.
    pub(crate) fn said<'a>(&self, sentence: &'a str) -> Cow<'a, str> {
        match &self.name {
            Some(name) => Cow::Owned(format!("{}: {sentence}", name.label)),
            None => Cow::Borrowed(sentence),
        }
    }
}

/// Waits until any of them has changed since it was looked at.
pub(crate) async fn changed(streams: &mut [Stream]) {
    let running = streams.iter_mut().filter(|stream| stream.over.is_none());
    let mut waiting: Vec<_> = running
        .map(|stream| {
            let Stream { watch, seen, .. } = stream;
            let change = Box::pin(watch.changed(*seen));
            (change, seen)
        })
        .collect();
    poll_fn(|cx| {
        let mut any = Poll::Pending;
        for (change, seen) in &mut waiting {
            if let Poll::Ready(revision) = change.as_mut().poll(cx) {
                **seen = revision;
                any = Poll::Ready(());
            }
        }
        any
    })
    .await;
}
