//! Where a body's events begin and end, whatever is missing of it.

use core::ops::Range;

use memchr::memchr2;

use crate::journal::{
    indexer::Indexer,
    reader::limits_of,
    turn::{Format, LinePlace},
    view::View,
};

/// A byte order mark counts only where a stream begins.
pub(super) const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Looks for where a body's events begin and end.
#[derive(Debug)]
pub(super) struct Lines {
    format: Format,
    /// What is complete, up to the latest gap.
    ranges: Vec<Range<u64>>,
    /// Where what is complete begins since; `None` in an event whose beginning is not there.
    start: Option<u64>,
    /// Up to here all is complete.
    complete: u64,
    pub(super) at: u64,
    pub(super) has_mark: bool,
    /// Fields have come since the last blank line.
    is_within_event: bool,
    /// How long the line is so far, and with what it begins.
    length: u64,
    beginning: [u8; Self::BEGINNING],
    after_cr: bool,
    longest: u64,
    /// Of lines of JSON: what is left at the end may be whole.
    rest: Indexer,
}

impl Lines {
    /// Enough to tell what a line is.
    const BEGINNING: usize = 16;

    pub(super) fn new(view: &View, format: Format) -> Self {
        let limits = limits_of(&view.kept().origin);
        let mut rest = Indexer::new(limits, "");
        rest.begin(format);
        Self {
            format,
            ranges: Vec::new(),
            start: Some(0),
            complete: 0,
            at: 0,
            has_mark: false,
            is_within_event: false,
            length: 0,
            beginning: [0; Self::BEGINNING],
            after_cr: false,
            longest: limits.line as u64,
            rest,
        }
    }

    /// Something is missing here: what it was in is not complete, and what follows may be its end.
    pub(super) fn gap(&mut self) {
        let complete = self.start.take().map(|start| start..self.complete);
        self.ranges.extend(complete.filter(|range| !range.is_empty()));
        self.begin_within(LinePlace::Unknown);
        self.rest.begin(self.format);
    }

    /// A row that is whole begins here, wherever what came since a gap belongs to.
    pub(super) fn row(&mut self) {
        if self.start.is_none() {
            (self.is_within_event, self.after_cr, self.length) = (false, false, 0);
            self.rest.begin(self.format);
            self.settle();
        }
    }

    /// What follows is the rest of an event, from here in a line on.
    pub(super) fn begin_within(&mut self, line: LinePlace) {
        self.start = None;
        self.is_within_event = true;
        self.after_cr = line == LinePlace::AfterCr;
        // What only ends a line that began before is no blank line.
        let is_begun = matches!(line, LinePlace::Within | LinePlace::Unknown);
        (self.length, self.beginning[0]) = (u64::from(is_begun), b'x');
    }

    /// All that is complete, and what is left at the end unless it `is_cut`.
    pub(super) fn end(mut self, is_cut: bool) -> Vec<Range<u64>> {
        let end = if is_cut { self.complete } else { self.at };
        let last = self.start.map(|start| start..end);
        self.ranges.extend(last.filter(|range| !range.is_empty()));
        self.ranges
    }

    pub(super) fn add(&mut self, piece: &[u8]) {
        if self.format == Format::Ndjson {
            let mut input = piece;
            while self.rest.next(&mut input).is_some() {}
            self.rest.let_go();
        }
        let mut rest = piece;
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            self.text(&rest[..end]);
            self.at += 1;
            let is_of_cr = self.after_cr && self.length == 0 && rest[end] == b'\n';
            self.after_cr = rest[end] == b'\r';
            if is_of_cr {
                self.settle();
            } else {
                self.end_line();
            }
            rest = &rest[end + 1..];
        }
        self.text(rest);
    }

    /// Whether a line of JSON has come that only wants its end, which is an event as it is.
    pub(super) fn last_is_whole(&self) -> bool {
        self.start.is_some() && self.rest.whole_line().is_some()
    }

    fn text(&mut self, text: &[u8]) {
        let from = usize::try_from(self.length).unwrap_or(usize::MAX);
        if let Some(room) = self.beginning.get_mut(from..) {
            let known = room.len().min(text.len());
            room[..known].copy_from_slice(&text[..known]);
        }
        self.length += text.len() as u64;
        self.at += text.len() as u64;
    }

    fn end_line(&mut self) {
        let known = usize::try_from(self.length).unwrap_or(usize::MAX).min(Self::BEGINNING);
        let mut line = &self.beginning[..known];
        if self.at == self.length + 1
            && let Some(unmarked) = line.strip_prefix(MARK)
        {
            (self.has_mark, line) = (true, unmarked);
        }
        let is_short = self.length <= self.longest;
        // These stand for themselves; what is too long has the event dropped that it is in.
        let stands_alone = is_short && (line.starts_with(b":") || line.starts_with(b"retry:"));
        self.is_within_event = match self.format {
            Format::Ndjson => false,
            Format::EventStream if line.is_empty() => false,
            Format::EventStream => self.is_within_event || !stands_alone,
        };
        self.length = 0;
        self.settle();
    }

    fn settle(&mut self) {
        if self.is_within_event {
            return;
        }
        self.complete = self.at;
        self.start.get_or_insert(self.at);
    }
}
