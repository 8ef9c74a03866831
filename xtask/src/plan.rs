//! Steps: which are asked for, in what order they run, and what came of them.

use core::{fmt, fmt::Write, time::Duration};
use std::{process::ExitCode, time::Instant};

use crate::command::Failure;

/// One thing to check.
#[derive(Debug)]
pub(crate) struct Step {
    /// What one types to run it alone.
    pub(crate) name: &'static str,
    /// What holds when it passes.
    pub(crate) shows: &'static str,
    /// The steps without which it cannot run; they stand before it in the list.
    pub(crate) needs: &'static [&'static str],
    /// What to do when it fails.
    pub(crate) cure: &'static str,
    pub(crate) run: fn(&mut Report) -> Result<(), Failure>,
}

/// What a step says besides that it passed.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The lines with which test runners summed up.
    pub(crate) closing: Vec<String>,
    /// Why the step had nothing to run on here.
    pub(crate) skipped: Option<String>,
}

enum Verdict {
    Passed,
    Skipped(String),
    Failed(Failure),
    /// A step it needs did not pass.
    NotRun(&'static str),
}

struct Outcome {
    name: &'static str,
    verdict: Verdict,
    time: Duration,
}

/// Runs the steps of these names and what they need, all of them where none is named.
///
/// A failure stops only what needs the failed step.
///
/// # Errors
/// A name that no step has.
pub(crate) fn run(steps: &'static [Step], names: &[String]) -> Result<ExitCode, Failure> {
    let steps = choose(steps, names)?;
    let start = Instant::now();
    let mut closing = Vec::new();
    let mut results: Vec<Outcome> = Vec::new();
    for step in steps {
        let held_up = step.needs.iter().find(|need| {
            results.iter().any(|result| result.name == **need && !result.verdict.is_passed())
        });
        let start = Instant::now();
        let verdict = match held_up {
            Some(need) => Verdict::NotRun(need),
            None => attempt(step, &mut closing),
        };
        results.push(Outcome { name: step.name, verdict, time: start.elapsed() });
    }

    println!("\n== Summary");
    for line in &closing {
        println!("{line}");
    }
    for result in &results {
        println!("{result}");
    }
    println!("{:>32}", seconds(start.elapsed()));
    println!("{}", count(&results));
    let failed = results.iter().any(|result| result.verdict.is_failed());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The steps and what they show, one a line.
pub(crate) fn list(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |mut list, step| {
        writeln!(list, "  {:<14} {}", step.name, step.shows).expect("a String takes every text");
        list
    })
}

fn choose(steps: &'static [Step], names: &[String]) -> Result<Vec<&'static Step>, Failure> {
    if names.is_empty() {
        return Ok(steps.iter().collect());
    }
    if let Some(name) = names.iter().find(|name| !steps.iter().any(|step| step.name == **name)) {
        return Err(Failure::usage(format!("`test` has no step {name:?}")));
    }
    // Backwards, since a step stands after what it needs.
    let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut chosen: Vec<_> = steps
        .iter()
        .rev()
        .filter(|step| {
            let chosen = wanted.contains(&step.name);
            if chosen {
                wanted.extend(step.needs);
            }
            chosen
        })
        .collect();
    chosen.reverse();
    Ok(chosen)
}

fn attempt(step: &Step, closing: &mut Vec<String>) -> Verdict {
    println!("\n== {}: {}", step.name, step.shows);
    let mut report = Report::default();
    let result = (step.run)(&mut report);
    closing.extend(report.closing.into_iter().map(|line| format!("{line}  [{}]", step.name)));
    match (result, report.skipped) {
        (Err(failure), _) => {
            let failure = failure.or_cure(step.cure);
            println!("xtask: the step `{}` failed: {failure}", step.name);
            Verdict::Failed(failure)
        }
        (Ok(()), Some(reason)) => {
            println!("xtask: skipped, since {reason}");
            Verdict::Skipped(reason)
        }
        (Ok(()), None) => Verdict::Passed,
    }
}

impl Verdict {
    fn is_passed(&self) -> bool {
        match self {
            Self::Passed => true,
            Self::Skipped(_) | Self::Failed(_) | Self::NotRun(_) => false,
        }
    }

    fn is_failed(&self) -> bool {
        match self {
            Self::Failed(_) | Self::NotRun(_) => true,
            Self::Passed | Self::Skipped(_) => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, time) = (self.name, seconds(self.time));
        match &self.verdict {
            Verdict::Passed => write!(f, "passed   {name:<14} {time}"),
            Verdict::Skipped(reason) => write!(f, "skipped  {name:<14} {time}  {reason}"),
            Verdict::Failed(failure) => write!(f, "FAILED   {name:<14} {time}  {failure}"),
            Verdict::NotRun(need) => write!(f, "NOT RUN  {name:<14} {time}  it needs `{need}`"),
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:>7.1} s", time.as_secs_f64())
}

/// The closing line. What could not run did not pass, so it counts as failed.
fn count(results: &[Outcome]) -> String {
    let passed = results.iter().filter(|result| result.verdict.is_passed()).count();
    let failed = results.iter().filter(|result| result.verdict.is_failed()).count();
    let skipped = results.len() - passed - failed;
    format!("steps: {passed} passed, {failed} failed, {skipped} skipped")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &[Step] = &[
        step("packages", &[], |_| Err(Failure::new("no network", "connect"))),
        step("page", &[], |_| Ok(())),
        step("window", &["packages", "page"], |_| Ok(())),
        step("format", &[], |_| Ok(())),
    ];

    const fn step(
        name: &'static str,
        needs: &'static [&'static str],
        run: fn(&mut Report) -> Result<(), Failure>,
    ) -> Step {
        Step { name, shows: "", needs, cure: "mend it", run }
    }

    fn chosen(names: &[&str]) -> Vec<&'static str> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        choose(STEPS, &names).unwrap().iter().map(|step| step.name).collect()
    }

    #[test]
    fn a_named_step_brings_what_it_needs() {
        assert_eq!(chosen(&["window"]), ["packages", "page", "window"]);
        assert_eq!(chosen(&["format", "page"]), ["page", "format"]);
        assert_eq!(chosen(&[]), ["packages", "page", "window", "format"]);
    }

    #[test]
    fn an_unknown_step_is_a_wrong_usage() {
        assert!(choose(STEPS, &["windows".to_owned()]).unwrap_err().is_usage());
    }

    #[test]
    fn a_failure_stops_only_what_needs_it() {
        assert_eq!(run(STEPS, &["format".to_owned()]).unwrap(), ExitCode::SUCCESS);
        assert_eq!(run(STEPS, &[]).unwrap(), ExitCode::FAILURE);
    }

    #[test]
    fn what_could_not_run_counts_as_failed() {
        let result = |verdict| Outcome { name: "a", verdict, time: Duration::ZERO };
        let results = [
            result(Verdict::Passed),
            result(Verdict::Failed(Failure::new("", ""))),
            result(Verdict::NotRun("a")),
            result(Verdict::Skipped("b".into())),
        ];
        assert_eq!(count(&results), "steps: 1 passed, 2 failed, 1 skipped");
    }
}
