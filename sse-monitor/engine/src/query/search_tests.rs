//! Searches beside one that reads every row, and those that go on while a stream does.

use alloc::sync::Arc;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::{Budget, Filtered, Kind, Order, Progress, Query, Source, Text, tests::Session};
use crate::{
    journal::{turn::Turn, view::View, walk::Walk},
    row::RowKind,
};

#[test]
fn a_text_is_found_wherever_rows_begin_and_end() {
    let mut random = Random(7);
    for round in 0..40 {
        let mut session = Session::new();
        let body = body(&mut random);
        let mut rest = body.as_bytes();
        let most = [3, 17, 200, 5_000][round % 4];
        while !rest.is_empty() {
            let size = 1 + random.below(most.min(rest.len()));
            let (piece, after) = rest.split_at(size);
            session.feed(piece, 1);
            rest = after;
            if random.below(60) == 0 {
                session.reconnect("ab", 2);
            }
        }
        let view = session.writer.kept().view();
        let rows = view.page(1, usize::MAX, usize::MAX);
        let texts =
            ["a", "ab", "aB\u{e9}", "b\na", "abab", "5", "connect", "\u{fffd}a", "the server"];
        let texts = texts.into_iter().flat_map(|text| [Text::literal(text), Text::any_case(text)]);
        let patterns = ["a.?b", "(ab)+$", "^x?a\n*b", "b\na", "the (server|client)", "[ab]{3}"];
        let patterns = patterns.into_iter().map(|pattern| Text::regex(pattern).unwrap());
        for text in texts.chain(patterns) {
            let query = Query::new().text(text);
            let expected: Vec<_> =
                rows.iter().filter(|row| query.passes(row)).map(|row| row.number).collect();
            let found = view.find(&query, 0, Order::Forward, Budget::hits(usize::MAX)).numbers;
            assert_eq!(found, expected, "round {round} {query:?} in {body:?}");
        }
    }
}

#[test]
fn a_test_on_json_passes_over_nothing_that_says_it_otherwise() {
    let mut session = Session::new();
    for json in [
        r#"{"kind":"alpha"}"#,
        r#"{"k\u0069nd":"al\u0070ha"}"#,
        r#"{"kind":"a\/b c"}"#,
        r#"{"other":"alpha"}"#,
        r#"["kind", "alpha"]"#,
        r#"{"kind":1}"#,
    ] {
        session.feed(format!("data: {json}\n\n").as_bytes(), 1);
    }
    session.feed(b"data: {\ndata: \"kind\"\ndata: :\"alpha\"}\n\n", 1);
    let view = session.writer.kept().view();
    let rows = view.page(1, usize::MAX, usize::MAX);
    for (test, count) in [
        (".kind", 5),
        (".kind == alpha", 3),
        (".kind == \"a/b c\"", 1),
        (".kind ~ ^al", 3),
        (".kind >= 1", 1),
        (".kind != alpha", 4),
    ] {
        let query = Query::new().json(test).unwrap();
        let expected: Vec<_> =
            rows.iter().filter(|row| query.passes(row)).map(|row| row.number).collect();
        assert_eq!(expected.len(), count, "{test}");
        assert_eq!(
            view.find(&query, 0, Order::Forward, Budget::hits(9)).numbers,
            expected,
            "{test}"
        );
    }
}

#[test]
fn rows_beside_damaged_entries_and_frames_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let mut writer = crate::journal::writer::Writer::new(
        crate::journal::turn::Origin::default(),
        sse_codec::Limits::default(),
        crate::journal::writer::Place::Folder { path: path.clone(), limit: Default::default() },
    )
    .unwrap();
    writer.begin_body(Default::default(), Default::default());
    writer.body(b": a comment of it\n", 1, false, 9, Default::default());
    for n in 0..3_000 {
        writer.body(format!("data: needle {n}\n\n").as_bytes(), 1, false, 9, Default::default());
    }
    let view = writer.kept().view();
    let query = Query::new().text(Text::literal("needle"));
    assert_eq!(view.count(&query), 3_000);
    flip(&path.join("000001.index"), 700 * 48 + 9);
    assert_eq!(view.count(&query), 2_999);
    let comments = Query::new().kind(Kind::Comment).text(Text::literal("it"));
    assert_eq!(view.count(&comments), 1);
    // Of the frame of one row the payload, of another's the header: of that one bit alone is mended.
    let journal = std::fs::read(path.join("000001.sse")).unwrap();
    let place = |text: &[u8]| memchr::memmem::find(&journal, text).unwrap();
    // What is said of a damaged row is none of its text.
    flip(&path.join("000001.sse"), place(b"a comment of"));
    assert_eq!(view.count(&comments), 0);
    flip(&path.join("000001.sse"), place(b"needle 1200"));
    assert_eq!(view.count(&query), 2_998);
    flip(&path.join("000001.sse"), place(b"data: needle 2700") - 30);
    assert_eq!(view.count(&query), 2_998);
    flip(&path.join("000001.sse"), place(b"data: needle 2700") - 29);
    assert_eq!(view.count(&query), 2_997);
}

#[test]
fn rows_that_are_damaged_are_found_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let mut writer = crate::journal::writer::Writer::new(
        crate::journal::turn::Origin::default(),
        sse_codec::Limits::default(),
        crate::journal::writer::Place::Folder { path: path.clone(), limit: Default::default() },
    )
    .unwrap();
    writer.turn(&Turn::new(RowKind::Connecting, "that turn"), Default::default());
    writer.begin_body(Default::default(), Default::default());
    for n in 0..3_000 {
        writer.body(format!("data: x{n}\n\n").as_bytes(), 1, false, 9, Default::default());
    }
    let view = writer.kept().view();
    let damaged = || Query::new().kind(Kind::Damaged);
    assert_eq!(view.count(&damaged()), 0);
    // The turn's frame, an event's bytes, and the entry of another.
    let (journal, index) = (path.join("000001.sse"), path.join("000001.index"));
    let bytes = std::fs::read(&journal).unwrap();
    let place = |text: &[u8]| memchr::memmem::find(&bytes, text).unwrap();
    flip(&journal, place(b"that turn"));
    flip(&journal, place(b"data: x500\n"));
    flip(&index, 700 * 48 + 9);
    let rows = view.page(1, usize::MAX, usize::MAX);
    for (query, numbers) in [
        (damaged(), vec![1, 502, 701]),
        (damaged().kind(Kind::Turn), vec![1, 502, 701]),
        (damaged().excluding(Query::new().numbers(600..=900)), vec![1, 502]),
        (damaged().without(Text::literal("x")), vec![]),
        (Query::new().numbers(500..=503).excluding(damaged()), vec![500, 501, 503]),
        (Query::new().numbers(700..=702), vec![700, 701, 702]),
        (Query::new().kind(Kind::DecodeError), vec![]),
    ] {
        let hits = view.find(&query, 0, Order::Forward, Budget::hits(usize::MAX));
        assert_eq!(hits.numbers, numbers, "{query:?}");
        let passing = rows.iter().filter(|row| query.passes(row)).map(|row| row.number);
        assert_eq!(passing.collect::<Vec<_>>(), numbers, "{query:?}");
    }
    // Of a row without an entry nobody knows the attempt.
    assert_eq!(view.count(&damaged().attempts(0..=1)), 2);
    assert_eq!(view.kept().damage().len(), 3);
    let facets = view.facets(&damaged());
    assert_eq!((facets.rows, facets.damaged), (3, 3));
    let facets = view.facets(&Query::new());
    assert_eq!((facets.rows, facets.turns, facets.events, facets.damaged), (3_001, 1, 2_999, 1));
}

#[test]
fn a_search_tells_of_the_frame_that_it_could_not_read() {
    let without = Query::new().without(Text::literal("nothing of it"));
    damage_is_met(without.clone(), 600, false);
    damage_is_met(without, 400, true);
    // What is looked for in the bytes too: whether it stands in those that are damaged nobody knows.
    damage_is_met(Query::new().text(Text::literal("-7")), 3 * 11, false);
}

/// Looks for so many rows of a recording in which frames are spoilt, the header of one too.
fn damage_is_met(query: Query, rows: u64, header_too: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let mut writer = crate::journal::writer::Writer::new(
        crate::journal::turn::Origin::default(),
        sse_codec::Limits::default(),
        crate::journal::writer::Place::Folder { path: path.clone(), limit: Default::default() },
    )
    .unwrap();
    writer.begin_body(Default::default(), Default::default());
    let mut feed = |bytes: &[u8]| writer.body(bytes, 1, false, 999, Default::default());
    for frame in 0..4 {
        let events = (0..200).map(|n| format!("data: {frame}-{n}\n\n")).collect::<String>();
        feed(events.as_bytes());
    }
    feed(b"data: it begins\n");
    feed(b"data: it ends\n\n");
    let view = writer.kept().view();
    let file = path.join("000001.sse");
    let journal = std::fs::read(&file).unwrap();
    let place = |text: &[u8]| memchr::memmem::find(&journal, text).unwrap();
    // The payload of one frame, two bits of another's header, and the second one of an event.
    flip(&file, place(b"data: 1-100"));
    if header_too {
        flip(&file, place(b"data: 2-0") - 28);
        flip(&file, place(b"data: 2-0") - 29);
    }
    flip(&file, place(b"data: it ends") + 3);
    let mut walk = Walk::new(&view.parts()[0].segment.journal);
    let mut damage = Vec::new();
    while let Some(step) = walk.step().unwrap() {
        damage.extend(step.damage("000001.sse"));
    }
    assert_eq!(damage.len(), 2 + usize::from(header_too));
    assert_eq!(view.count(&query), rows);
    assert_eq!(view.kept().damage(), damage);
}

#[test]
fn a_filtered_list_has_all_hits_in_either_order_and_follows_the_stream() {
    for order in [Order::Forward, Order::Backward] {
        let stream = Arc::new(Stream::default());
        stream.feed(0..10_000);
        let query = Query::new().event_type("tick").text(Text::literal("x7"));
        let filtered =
            Filtered::start(Following(Arc::clone(&stream)), query.clone(), order).unwrap();
        for fed in [10_000, 11_000, 30_000] {
            let view = stream.view();
            let expected = view.find(&query, 0, Order::Forward, Budget::hits(usize::MAX)).numbers;
            let progress = until(&filtered, |now| now.is_caught_up && now.rows >= fed + 2);
            assert_eq!((progress.matches, progress.looked_at), (expected.len() as u64, fed + 2));
            assert_eq!(filtered.page(0, usize::MAX), expected);
            let middle = progress.matches / 2;
            let page = filtered.page(middle, 20);
            assert_eq!(page, expected[expected.len() / 2..][..20]);
            assert_eq!(filtered.position(page[3]), middle + 3);
            if fed < 30_000 {
                stream.feed(fed..if fed == 10_000 { 11_000 } else { 30_000 });
            }
        }
    }
}

#[test]
fn a_filtered_list_forgets_what_falls_out() {
    let stream = Arc::new(Stream::default());
    stream.feed(0..5_000);
    let filtered =
        Filtered::start(Following(Arc::clone(&stream)), Query::new(), Order::Forward).unwrap();
    until(&filtered, |now| now.is_caught_up);
    stream.session.lock().unwrap().writer.kept().show_from(4_000);
    stream.feed(5_000..5_001);
    let progress = until(&filtered, |now| now.is_caught_up && now.rows == 1_004);
    assert_eq!((progress.matches, progress.looked_at), (1_004, 1_004));
    assert_eq!(filtered.page(0, 2), [4_000, 4_001]);
}

#[test]
fn a_search_that_is_cancelled_or_over_ends_its_thread() {
    let stream = Arc::new(Stream::default());
    let filtered =
        Filtered::start(Following(Arc::clone(&stream)), Query::new(), Order::Forward).unwrap();
    until(&filtered, |now| now.is_caught_up);
    assert_eq!(Arc::strong_count(&stream), 2);
    drop(filtered);
    // The thread holds the stream for as long as it runs.
    while Arc::strong_count(&stream) > 1 {
        std::thread::yield_now();
    }
}

/// A stream that a test feeds.
#[derive(Default)]
struct Stream {
    session: Mutex<Session>,
    more: Notify,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Stream {
    fn feed(&self, numbers: core::ops::Range<u64>) {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let body: String =
            numbers.map(|n| format!("event: tick\ndata: x{}\n\n", n % 100)).collect();
        session.feed(body.as_bytes(), 1);
        drop(session);
        self.more.notify_one();
    }

    fn view(&self) -> View {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).writer.kept().view()
    }
}

struct Following(Arc<Stream>);

impl Source for Following {
    fn view(&mut self) -> View {
        self.0.view()
    }

    async fn wait(&mut self) -> bool {
        self.0.more.notified().await;
        true
    }
}

fn until(filtered: &Filtered, is_so: impl Fn(Progress) -> bool) -> Progress {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut progress = filtered.progress();
        while !is_so(progress) {
            progress = filtered.changed(progress.revision).await;
        }
        progress
    })
}

fn flip(path: &std::path::Path, at: usize) {
    use std::io::{Read, Seek, SeekFrom, Write};

    let mut file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(&[byte[0] ^ 1]).unwrap();
}

/// Pieces of events, comments and reconnection times, within and beside each other.
fn body(random: &mut Random) -> String {
    const PIECES: [&str; 16] = [
        "data: ab\n",
        "data: a\n",
        "data: b\r\n",
        "data: xabab aB\u{e9}\n",
        "\n",
        "\n\n",
        "\r\n\r\n",
        ": a comment ab\n",
        ":b\n",
        "retry: 5\n",
        "event: ab\n",
        "id: ab\n",
        "data\n",
        "data: B\u{e9}\r",
        "data: \u{fffd}a\n",
        "nonsense ab\n",
    ];
    let count = 1 + random.below(200);
    (0..count).map(|_| PIECES[random.below(PIECES.len())]).collect()
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}
