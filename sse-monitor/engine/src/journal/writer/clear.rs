//! Forgets what came, so that it is written nowhere.

use super::{Place, Writer, limits::most_statistics};
use crate::{clock::Moment, query::Statistics, recording::statistics, state::Totals};

impl Writer {
    /// Lets go of all rows; counts and statistics begin anew, but for the attempt that `under_way` counts.
    ///
    /// A segment is put in a file as a whole, so that another begins: with what has come of an event
    /// whose end has not.
    pub(crate) fn clear(&mut self, under_way: Totals, is_over: bool, moment: Moment) {
        let begun = self.begun_event();
        // First, so that what follows has room within a limit of the disk.
        self.remove_closed();
        // The next segment says what was counted before it.
        self.indexing.resume_totals(under_way);
        let next = self.next_segment(self.checkpoint_before(&begun)).and_then(|segment| {
            self.enter(segment);
            self.write_again(&begun, moment)
        });
        if let Err(error) = &next {
            self.stop_within(&begun, error, moment);
        }
        self.remove_closed();
        if let Some(folder) = &self.folder {
            let _ = statistics::remove(folder);
        }
        self.closed_bytes = 0;
        self.rows_forgotten = 0;
        *self.kept.statistics() = Statistics::beginning_at(
            self.segment.first_row,
            moment.elapsed_micros,
            (under_way.attempts > 0).then_some(self.attempt),
            under_way.connections > 0,
        );
        if next.is_err() && !is_over {
            self.tell_stop(moment);
        }
        if is_over {
            // As it was before. What cannot be written is counted again by whoever opens it.
            let _ = self.seal(moment, false);
            if let Place::Folder { path, limit } = &self.place {
                let _ = statistics::write(path, &self.kept, most_statistics(limit));
            }
        }
    }

    /// Removes all segments but the one that is written to.
    fn remove_closed(&self) {
        while let Some(closed) = self.kept.pop_oldest() {
            closed.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sse_codec::Limits;

    use super::*;
    use crate::{
        journal::{
            retention::DiskLimit,
            segment::file_names,
            tests::{at, feed},
            turn::{Format, Origin, ResponseHead, Turn},
        },
        recording::{Recording, export::raw, pack},
        row::RowKind,
        state::Fault,
    };

    #[test]
    fn what_was_cleared_is_in_no_file_and_an_event_that_had_begun_is_whole() {
        let keep = tempfile::tempdir().unwrap();
        let folder = keep.path().join("s");
        let place = Place::Folder { path: folder.clone(), limit: DiskLimit::default() };
        let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
        writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
        writer.turn(&Turn::new(RowKind::Connected { status: 200 }, "connected"), at(1));
        writer.begin_body(Format::EventStream, at(1));
        feed(&mut writer, b"id: 1\ndata: secret\n\nid: 2\ndata: sec");
        let under_way = Totals { attempts: 1, connections: 1, ..Totals::default() };
        writer.clear(under_way, false, at(5));
        assert_eq!(writer.kept().view().page(0, 9, 99), []);
        feed(&mut writer, b"ond\n\ndata: third\n\n");

        let file = keep.path().join("a.ssrec");
        pack(&writer.kept().view(), writer.totals(), &file, |_| {}).unwrap();
        for path in [&folder, &file] {
            let recording = Recording::open(path).unwrap();
            let view = recording.view();
            let rows = view.page(0, 9, 99);
            let told: Vec<_> = rows.iter().map(|row| (row.number, &*row.id, &*row.data)).collect();
            assert_eq!(told, [(4, "2", "second"), (5, "2", "third")], "{}", path.display());
            assert_eq!((recording.report().events, recording.report().attempts), (2, 1));
            let report = &recording.report().latest_attempts[0];
            assert_eq!((report.attempt, report.events), (1, 2));
        }
        let totals = Recording::open(&file).unwrap().totals();
        assert_eq!((totals.events, totals.attempts, totals.rows_forgotten), (2, 1, 0));
        let report = writer.kept().statistics().report().clone();
        assert_eq!((report.events, report.attempts), (2, 1));
        for path in fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).chain([file]) {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(6).any(|part| part == b"secret"), "{}", path.display());
        }
    }

    #[test]
    fn the_rest_of_what_was_dropped_becomes_no_event_after_a_clear() {
        for format in [Format::EventStream, Format::Ndjson] {
            let keep = tempfile::tempdir().unwrap();
            let folder = keep.path().join("s");
            let place = Place::Folder { path: folder.clone(), limit: DiskLimit::default() };
            let limits = Limits::default().line(16).event(16);
            let mut writer = Writer::new(Origin::default(), limits, place).unwrap();
            writer.turn(&Turn::new(RowKind::Connected { status: 200 }, "connected"), at(1));
            writer.begin_body(format, at(1));
            feed(&mut writer, b"data: secret secret secret ");
            feed(&mut writer, b"secret ");
            writer.clear(Totals::default(), false, at(5));
            feed(&mut writer, b"rest\n");
            if format == Format::EventStream {
                feed(&mut writer, b"data: rest\n\ndata: ");
            }
            feed(&mut writer, b"after\n\n");
            let data = |rows: Vec<crate::Row>| rows.into_iter().map(|row| row.data.to_string());
            let live: Vec<_> = data(writer.kept().view().page(0, 9, 99)).collect();
            assert_eq!(live, ["after"], "{format:?}");
            writer.close(at(6));
            for file in fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
                let bytes = fs::read(&file).unwrap();
                assert!(!bytes.windows(6).any(|part| part == b"secret"), "{}", file.display());
                if file.extension().is_some_and(|ending| ending == "index") {
                    fs::remove_file(file).unwrap();
                }
            }
            let recording = Recording::open(&folder).unwrap();
            let again: Vec<_> = data(recording.view().page(0, 9, 99)).collect();
            assert_eq!(again, live, "{format:?}");
        }
    }

    #[test]
    fn an_event_that_had_begun_is_whole_where_the_disk_takes_no_more() {
        let keep = tempfile::tempdir().unwrap();
        let folder = keep.path().join("s");
        let place = Place::Folder { path: folder.clone(), limit: DiskLimit::default() };
        let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
        writer.begin_body(Format::EventStream, at(1));
        feed(&mut writer, b"data: secret\n\nid: 2\ndata: sec");
        // The name of the next segment's journal is taken.
        fs::create_dir(folder.join(&file_names(2)[0])).unwrap();
        writer.clear(Totals::default(), false, at(5));
        assert!(writer.stopped().is_some());
        feed(&mut writer, b"ond\n\n");
        let view = writer.kept().view();
        let rows = view.page(0, 9, 99);
        let told: Vec<_> = rows.iter().map(|row| (row.kind, &*row.data)).collect();
        assert_eq!(told[1..], [(RowKind::Event, "second")], "{told:?}");
        assert_eq!(told[0].0, RowKind::RecordingStopped);
        let mut body = Vec::new();
        raw(&view, None, &mut body).unwrap();
        assert_eq!(body, b"id: 2\ndata: second\n\n");
    }

    #[test]
    fn what_a_connection_left_unfinished_is_cleared_with_the_rest() {
        let ends =
            [RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: Some(1) }, RowKind::Closed];
        for (end, connects, is_over) in
            [(ends[0], false, false), (ends[0], true, false), (ends[1], false, true)]
        {
            let keep = tempfile::tempdir().unwrap();
            let folder = keep.path().join("s");
            let place = Place::Folder { path: folder.clone(), limit: DiskLimit::default() };
            let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
            for second in [b"data: secret\n: c\ndata: sec", &b"data: x\n\n"[..]] {
                writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
                let mut connected = Turn::new(RowKind::Connected { status: 200 }, "connected");
                connected.response = Some(ResponseHead::default());
                writer.turn(&connected, at(0));
                writer.begin_body(Format::EventStream, at(0));
                feed(&mut writer, second);
                if writer.events() > 0 {
                    break;
                }
                writer.turn(&Turn::new(end, "over"), at(1));
                if is_over {
                    writer.close(at(1));
                }
                if connects {
                    writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(2));
                }
                writer.clear(Totals::default(), is_over, at(2));
                if is_over {
                    break;
                }
            }
            for file in fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
                let bytes = fs::read(&file).unwrap();
                assert!(!bytes.windows(3).any(|part| part == b"sec"), "{}", file.display());
            }
            let mut body = Vec::new();
            raw(&writer.kept().view(), None, &mut body).unwrap();
            assert_eq!(body, if is_over { &b""[..] } else { b"data: x\n\n" });
        }
    }

    #[test]
    fn attempts_that_were_cleared_do_not_come_back_where_its_program_is_killed() {
        for under_way in [0, 1] {
            let keep = tempfile::tempdir().unwrap();
            let folder = keep.path().join("s");
            let place = Place::Folder { path: folder.clone(), limit: DiskLimit::default() };
            let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
            let connecting = Turn::new(RowKind::Connecting, "connecting");
            let connected = Turn::new(RowKind::Connected { status: 200 }, "connected");
            for _ in 0..50 {
                writer.turn(&connecting, at(0));
                writer.turn(&connected, at(0));
            }
            let (attempts, connections) = (under_way, under_way);
            writer.clear(Totals { attempts, connections, ..Totals::default() }, false, at(1));
            writer.turn(&connecting, at(2));
            let told = |totals: Totals| (totals.attempts, totals.connections);
            let expected = told(writer.totals());
            assert_eq!(expected, (under_way + 1, under_way));
            let check = |is_live: bool| {
                let recording = Recording::open(&folder).unwrap();
                assert_eq!((recording.is_live(), told(recording.totals())), (is_live, expected));
            };
            check(true);
            drop(writer);
            check(false);
        }
    }

    #[test]
    fn one_that_is_over_stays_so() {
        let keep = tempfile::tempdir().unwrap();
        let folder = keep.path().join("s");
        let place = Place::Folder { path: folder.clone(), limit: DiskLimit::default() };
        let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
        writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
        writer.begin_body(Format::EventStream, at(0));
        feed(&mut writer, b"id: 1\ndata: secret\n\n");
        writer.close(at(1));
        writer.clear(Totals::default(), true, at(2));
        let recording = Recording::open(&folder).unwrap();
        assert!(recording.is_closed() && recording.damage().is_empty());
        assert_eq!(recording.view().page(0, 9, 99), []);
        assert_eq!((recording.totals().events, recording.report().events), (0, 0));
    }
}
