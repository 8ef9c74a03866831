//! What the kernel says that threads and processes had of the processors.

use core::time::Duration;
use std::{
    fs,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{SystemTime, UNIX_EPOCH},
};

/// How often a thread is looked at: several times a frame, and seldom enough to cost it nothing.
const SAMPLE_EVERY: Duration = Duration::from_millis(1);

/// What all threads of a process that still run have had; nothing once it has ended.
pub(crate) fn of_process(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    threads.map(|thread| of_path(&format!("{}/schedstat", thread.path().display()))).sum()
}

/// What the main thread of a process has had, which has the process' number.
pub(crate) fn of_main_thread(process: u32) -> Duration {
    of_path(&format!("/proc/{process}/task/{process}/schedstat"))
}

fn of_path(path: &str) -> Duration {
    let text = fs::read_to_string(path).unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

/// Notes what a main thread has had, again and again.
#[derive(Debug)]
pub(crate) struct Sampler {
    /// It samples as long as this is there.
    running: Sender<()>,
    thread: JoinHandle<Vec<Sample>>,
}

/// What a thread had had, at a time since 1970; both in milliseconds, as the page tells its times.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: f64,
    ran: f64,
}

/// What a thread had had at any time.
#[derive(Debug)]
pub(crate) struct Curve(Vec<Sample>);

impl Sampler {
    pub(crate) fn start(process: u32) -> Self {
        let (running, ended) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut samples = Vec::new();
            while ended.recv_timeout(SAMPLE_EVERY) == Err(RecvTimeoutError::Timeout) {
                let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                samples.push(Sample { at: millis(at), ran: millis(of_main_thread(process)) });
            }
            samples
        });
        Self { running, thread }
    }

    pub(crate) fn end(self) -> Curve {
        drop(self.running);
        Curve(self.thread.join().expect("it only reads"))
    }
}

impl Curve {
    /// Between two samples in proportion.
    pub(crate) fn at(&self, time: f64) -> f64 {
        let next = self.0.partition_point(|sample| sample.at < time);
        match (next.checked_sub(1).and_then(|before| self.0.get(before)), self.0.get(next)) {
            (Some(before), Some(after)) => {
                let share = (time - before.at) / (after.at - before.at);
                before.ran + share * (after.ran - before.ran)
            }
            (Some(only), None) | (None, Some(only)) => only.ran,
            (None, None) => 0.0,
        }
    }
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
