//! Tables of ratios, in Markdown: our codec beside its peers, in interleaved rounds of one run.

use std::{
    io::{self, Write},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    corpus::{self, Corpus},
    decode::{self, ChunkSize},
    encode,
    rounds::{self, Contender, Measured},
};

/// What to measure, and how often.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The corpora, by their letters.
    pub letters: String,
    /// How often each contender takes its turn.
    pub rounds: usize,
}

impl Default for Choice {
    fn default() -> Self {
        Self { letters: ('a'..='j').collect(), rounds: 21 }
    }
}

/// A turn takes this long at least.
const TURN: Duration = Duration::from_millis(4);

/// How many times as fast as the best peer the pull door is to be: at 16 KiB, at 1,400 B, at 64 B.
const PULL_GOALS: [(char, [Option<f64>; 3]); 10] = [
    ('a', [Some(3.8), Some(3.0), Some(1.7)]),
    ('b', [Some(7.0), Some(5.5), Some(2.1)]),
    ('c', [Some(7.0), Some(7.0), Some(4.5)]),
    ('d', [Some(1.1), None, None]),
    ('e', [Some(2.1), Some(2.1), Some(1.5)]),
    ('f', [Some(3.5), Some(3.2), Some(1.9)]),
    ('g', [Some(3.8), Some(2.9), Some(1.7)]),
    ('h', [Some(3.3), Some(3.1), Some(2.4)]),
    ('i', [Some(1.9), Some(1.85), Some(2.9)]),
    ('j', [Some(1.1), None, None]),
];

/// The same for the doors that give owned events, at 16 KiB.
const OWNED_GOALS: [(char, f64); 3] = [('a', 1.5), ('c', 2.3), ('i', 1.5)];

/// How many times as long as ours a peer is to take to encode the events of a corpus.
const ENCODE_GOALS: [(char, &str, f64); 6] = [
    ('a', "russe", 1.5),
    ('a', "axum", 6.0),
    ('b', "russe", 2.2),
    ('c', "tokio_sse_codec", 1.4),
    ('e', "russe", 1.3),
    ('h', "russe", 2.2),
];

fn decode_goal(door: &str, letter: char, size: ChunkSize) -> Option<f64> {
    let column = match size? {
        16_384 => 0,
        1_400 => 1,
        64 => 2,
        _ => return None,
    };
    match door {
        "pull" => PULL_GOALS.iter().find(|goals| goals.0 == letter)?.1[column],
        "visit" if (letter, column) == ('c', 0) => Some(8.0),
        "shared" | "owned" if column == 0 => {
            OWNED_GOALS.iter().find(|goal| goal.0 == letter).map(|goal| goal.1)
        }
        _ => None,
    }
}

/// The goals of a table: how many there were, and in words those that were not reached.
#[derive(Debug, Default)]
struct Tally {
    goals: usize,
    short: Vec<String>,
}

impl Tally {
    /// A ratio as its cell shows it: with its goal behind it, and bold where it is short of that.
    fn cell(&mut self, ratio: f64, goal: Option<f64>, what: impl FnOnce() -> String) -> String {
        let Some(goal) = goal else { return format!("{ratio:.2}") };
        self.goals += 1;
        if ratio >= goal {
            return format!("{ratio:.2} ({goal})");
        }
        self.short.push(format!("{} {ratio:.2} of {goal}", what()));
        format!("**{ratio:.2}** ({goal})")
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match &self.short[..] {
            _ if self.goals == 0 => Ok(()),
            [] => writeln!(out, "\nAll {} goals of this table are reached.", self.goals),
            short => {
                let (reached, all) = (self.goals - short.len(), self.goals);
                writeln!(out, "\nReached: {reached} of {all} goals. Short: {}.", short.join("; "))
            }
        }
    }
}

/// Writes the table of the decoders, row by row as they are measured.
///
/// # Errors
/// What writing fails with.
pub fn decode(choice: &Choice, out: &mut impl Write) -> io::Result<()> {
    let [pull, visit, shared, owned] = decode::DOORS;
    writeln!(
        out,
        "| stream | chunk | {pull} × | {visit} × | {shared} × | {owned} × | {pull} MB/s | best peer MB/s \
         | memcpy | memchr2 |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    let mut tally = Tally::default();
    let mut doors = Doors::default();
    for corpus in choice.letters.chars().filter_map(corpus::one) {
        let stream = Bytes::from(corpus.bytes.clone());
        for size in decode::CHUNK_SIZES {
            let mut contenders = decode::contenders(&stream, size);
            let measured = rounds::run(&mut contenders, choice.rounds, TURN);
            writeln!(out, "{}", decode_row(&corpus, size, &measured, &mut tally))?;
            out.flush()?;
            doors.note(corpus.letter, size, measured[1].times_as_long_as(&measured[0]));
        }
        if corpus.letter == 'j' {
            doors.measure_endless(&stream, choice.rounds);
        }
    }
    tally.write(out)?;
    doors.write(out)
}

/// How our own doors and chunk sizes stand to each other.
#[derive(Debug, Default)]
struct Doors {
    /// The most that visit took of pull's time, and where.
    slowest_visit: Option<(f64, String)>,
    /// How many times as long as in chunks of 16,384 bytes endless lines take in chunks of 64, by the pull door.
    endless: Option<f64>,
}

impl Doors {
    fn note(&mut self, letter: char, size: ChunkSize, visit_of_pull: f64) {
        if self.slowest_visit.as_ref().is_none_or(|(most, _)| visit_of_pull > *most) {
            let chunk = size.map_or("whole".to_owned(), |size| size.to_string());
            self.slowest_visit = Some((visit_of_pull, format!("{letter} at {chunk}")));
        }
    }

    /// Has the two chunk sizes take turns, which in the table have a row each.
    fn measure_endless(&mut self, stream: &[u8], rounds: usize) {
        let [small, large] = [64, 16 << 10].map(|size| Contender {
            name: "pull",
            work: Box::new(move || decode::pull(stream, Some(size))),
        });
        if let [small, large] = &rounds::run(&mut [small, large], rounds, TURN)[..] {
            self.endless = Some(small.times_as_long_as(large));
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some((ratio, place)) = &self.slowest_visit {
            writeln!(
                out,
                "\nThe visit door takes at most {ratio:.2} × the time of pull ({place})."
            )?;
        }
        if let Some(ratio) = self.endless {
            writeln!(
                out,
                "Lines of 2 MiB in chunks of 64 bytes take {ratio:.2} × their time in chunks of 16 KiB \
                 (at most 3 is wanted)."
            )?;
        }
        Ok(())
    }
}

fn decode_row(
    corpus: &Corpus,
    size: ChunkSize,
    measured: &[Measured],
    tally: &mut Tally,
) -> String {
    let (doors, others) = measured.split_at(decode::DOORS.len());
    let (bounds, peers) = others.split_at(decode::BOUNDS.len());
    let speed = |one: &Measured| {
        format!("{:.0}", corpus.bytes.len() as f64 / one.time().as_secs_f64() / 1e6)
    };
    let checked = |one: &Measured| {
        let right =
            (one.outcome.events, one.outcome.data_bytes) == (corpus.events, corpus.data_bytes);
        format!("{}{}", speed(one), if right { "" } else { "!" })
    };
    let best = peers.iter().min_by_key(|peer| peer.time());
    let chunk = size.map_or("whole".to_owned(), |size| size.to_string());
    let mut cells = vec![format!("{} {}", corpus.letter, corpus.name), chunk.clone()];
    for door in doors {
        cells.push(match best {
            Some(best) => {
                let ratio = best.times_as_long_as(door);
                let goal = decode_goal(door.name, corpus.letter, size);
                tally.cell(ratio, goal, || format!("{} {} at {chunk}", corpus.letter, door.name))
            }
            None => "–".to_owned(),
        });
    }
    cells.push(checked(&doors[0]));
    cells.push(best.map_or("–".to_owned(), |best| format!("{} {}", best.name, checked(best))));
    cells.extend(bounds.iter().map(speed));
    row(&cells)
}

/// Writes the table of the encoders, row by row as they are measured.
///
/// # Errors
/// What writing fails with.
pub fn encode(choice: &Choice, out: &mut impl Write) -> io::Result<()> {
    let mut tally = Tally::default();
    let mut is_first = true;
    for letter in encode::LETTERS {
        if !choice.letters.contains(letter) {
            continue;
        }
        let Some(batch) = encode::Batch::of(letter) else { continue };
        let mut contenders = encode::contenders(&batch);
        let measured = rounds::run(&mut contenders, choice.rounds, TURN);
        if is_first {
            let names = measured.iter().map(|one| one.name.to_owned());
            let head: Vec<_> = ["events".to_owned()].into_iter().chain(names).collect();
            writeln!(out, "{}", row(&head))?;
            writeln!(out, "|---{}|", "|--:".repeat(measured.len()))?;
            is_first = false;
        }
        writeln!(out, "{}", encode_row(letter, batch.parts.len(), &measured, &mut tally))?;
        out.flush()?;
    }
    tally.write(out)
}

fn encode_row(letter: char, events: usize, measured: &[Measured], tally: &mut Tally) -> String {
    let an_event = |one: &Measured| one.time().as_nanos() as f64 / events as f64;
    let mut cells = vec![letter.to_string()];
    for one in measured {
        let time = format!("{:.1}", an_event(one));
        if one.name == encode::BOUND || encode::DOORS.contains(&one.name) {
            cells.push(time);
            continue;
        }
        let goal = ENCODE_GOALS.iter().find(|goal| (goal.0, goal.1) == (letter, one.name));
        let ratio = tally.cell(one.times_as_long_as(&measured[0]), goal.map(|goal| goal.2), || {
            format!("{letter} beside {}", one.name)
        });
        cells.push(format!("{time} × {ratio}"));
    }
    row(&cells)
}

fn row(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::Outcome;

    fn measured(name: &'static str, nanos: u64, events: u64) -> Measured {
        let outcome = Outcome { events, data_bytes: 10 };
        Measured { name, times: vec![Duration::from_nanos(nanos)], outcome }
    }

    #[test]
    fn a_row_shows_ratios_goals_and_wrong_counts() {
        let corpus =
            Corpus { letter: 'a', name: "x", bytes: vec![0; 1000], events: 2, data_bytes: 10 };
        let measured = [
            measured("pull", 10, 2),
            measured("visit", 10, 2),
            measured("shared", 40, 2),
            measured("owned", 20, 2),
            measured("memcpy", 5, 0),
            measured("memchr2", 8, 0),
            measured("slow", 90, 2),
            measured("wrong", 40, 1),
        ];
        let mut tally = Tally::default();
        let row = decode_row(&corpus, Some(16 << 10), &measured, &mut tally);
        assert_eq!(
            row,
            "| a x | 16384 | 4.00 (3.8) | 4.00 | **1.00** (1.5) | 2.00 (1.5) | 100000 | wrong 25000! \
             | 200000 | 125000 |"
        );
        let mut said = Vec::new();
        tally.write(&mut said).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            String::from_utf8_lossy(&said),
            "\nReached: 2 of 3 goals. Short: a shared at 16384 1.00 of 1.5.\n"
        );
    }

    #[test]
    fn a_row_of_encoders_shows_how_much_longer_the_peers_take() {
        let measured = [measured("vec", 20, 2), measured("copy", 8, 2), measured("russe", 28, 2)];
        let mut tally = Tally::default();
        let row = encode_row('a', 2, &measured, &mut tally);
        assert_eq!(row, "| a | 10.0 | 4.0 | 14.0 × **1.40** (1.5) |");
        assert_eq!(tally.short, ["a beside russe 1.40 of 1.5"]);
    }
}
