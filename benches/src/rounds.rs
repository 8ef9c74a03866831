//! Contenders that take turns.

use std::{hint::black_box, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// The processor time of this thread: what others do on the machine in the meantime does not count.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// One thing to measure.
pub struct Contender<'a> {
    /// What the table calls it.
    pub name: &'static str,
    /// Does the work once, and gives what it read.
    pub work: Box<dyn FnMut() -> Outcome + 'a>,
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a contender read, so that wrong work does not count as fast work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Events.
    pub events: u64,
    /// Bytes of data in them.
    pub data_bytes: u64,
}

/// How long one piece of work took.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What the table calls it.
    pub name: &'static str,
    /// The time for the work once, round by round.
    pub times: Vec<Duration>,
    /// What it read.
    pub outcome: Outcome,
}

impl Measured {
    /// The time for the work once, at the median of the rounds.
    #[must_use]
    pub fn time(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    /// How many times as long as the other this took: the median of what each round says, since a machine
    /// that is slow for a second is slow for both. Rounds that one of them sat out say nothing.
    #[must_use]
    pub fn times_as_long_as(&self, other: &Self) -> f64 {
        let rounds = self.times.iter().zip(&other.times);
        let mut ratios: Vec<f64> =
            rounds.map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64()).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// What a contender may take of a run; then it sits the other rounds out. Some read a large event again
/// with each chunk of it, and nobody waits for that in every round.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs the contenders in turn, `rounds` times, repeating short work so that a turn takes `turn` at
/// least.
pub fn run(contenders: &mut [Contender<'_>], rounds: usize, turn: Duration) -> Vec<Measured> {
    let mut repeats = Vec::new();
    let mut outcomes = Vec::new();
    let mut times = vec![Vec::new(); contenders.len()];
    let mut spent = vec![Duration::ZERO; contenders.len()];
    for (index, contender) in contenders.iter_mut().enumerate() {
        // The first time fills the cache and grows the buffers; it counts only where it has to do.
        let start = cpu_time();
        outcomes.push((contender.work)());
        let first = cpu_time() - start;
        if first > PATIENCE {
            spent[index] = first;
            times[index].push(first);
            repeats.push(1);
            continue;
        }
        let start = cpu_time();
        black_box((contender.work)());
        let once = (cpu_time() - start).max(Duration::from_nanos(100));
        repeats.push((turn.as_nanos() / once.as_nanos()).clamp(1, 1_000_000) as u32);
    }
    for _ in 0..rounds.max(1) {
        for (index, contender) in contenders.iter_mut().enumerate() {
            if spent[index] > PATIENCE {
                continue;
            }
            // Once for what the one before left behind, in the caches and in the allocator.
            let before = cpu_time();
            black_box((contender.work)());
            let start = cpu_time();
            for _ in 0..repeats[index] {
                black_box((contender.work)());
            }
            let end = cpu_time();
            let time = end - start;
            spent[index] += end - before;
            times[index].push(time / repeats[index]);
        }
    }
    contenders
        .iter()
        .zip(times)
        .zip(outcomes)
        .map(|((contender, times), outcome)| Measured { name: contender.name, times, outcome })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(millis: &[u64]) -> Measured {
        let times = millis.iter().copied().map(Duration::from_millis).collect();
        Measured { name: "x", times, outcome: Outcome::default() }
    }

    #[test]
    fn a_round_is_compared_with_itself() {
        // Twice as long in each round, though the machine became three times as slow after the second, and
        // once stood still.
        let ours = measured(&[1, 1, 3, 3, 3]);
        let theirs = measured(&[2, 2, 6, 90, 6]);
        assert_eq!(theirs.times_as_long_as(&ours), 2.0);
        assert_eq!(theirs.time(), Duration::from_millis(6));
        assert_eq!(measured(&[8]).times_as_long_as(&ours), 8.0, "one round is all that both have");
    }
}
