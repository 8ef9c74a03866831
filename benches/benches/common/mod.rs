//! What the benchmarks of the codec share.

use std::time::Duration;

use criterion::Criterion;

/// Settings for hundreds of benchmarks in some minutes. `None` where this does not run as a benchmark: the
/// tests of the library do all of it once, on little.
pub(crate) fn criterion() -> Option<Criterion> {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    is_bench.then(|| {
        if cfg!(not(feature = "peers")) {
            eprintln!("without the peers; `--features peers` brings them");
        }
        Criterion::default()
            .sample_size(10)
            .warm_up_time(Duration::from_millis(100))
            .measurement_time(Duration::from_millis(400))
            .configure_from_args()
    })
}

/// Whether there is no word on the command line but cargo's own.
pub(crate) fn all_were_asked_for() -> bool {
    std::env::args().skip(1).all(|argument| argument == "--bench")
}
