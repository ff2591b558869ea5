//! Runs tests with their durations, and prints the slowest.

use std::{
    io::{self, BufRead, BufReader},
    process::Command,
    thread,
};

use anyhow::{Context, bail};

/// How many are printed.
const SHOWN: usize = 15;
/// The harness of a released toolchain reports durations only with unstable options enabled. They are enabled
/// for the test programs and not for the compiler, which would rebuild everything.
const RUNNER: &str = "target.'cfg(all())'.runner = ['env', 'RUSTC_BOOTSTRAP=1']";

/// How many tests run at the same time at least: most of them wait for an API server and not for a processor.
const THREADS: usize = 6;

/// Runs the `cargo test` in `command`, and prints the slowest tests at the end.
pub(super) fn run(command: &mut Command) -> anyhow::Result<()> {
    let (reader, writer) = io::pipe().context("create a pipe")?;
    let threads = thread::available_parallelism().map_or(THREADS, |cores| cores.get().max(THREADS));
    command.args(["--config", RUNNER, "--", "-Z", "unstable-options", "--report-time"]);
    command.arg(format!("--test-threads={threads}"));
    command.stdout(writer.try_clone().context("share the pipe")?).stderr(writer);
    let mut child = command.spawn().context("run cargo test")?;
    // The pipe ends when no other process holds its write end.
    command.stdout(io::stderr()).stderr(io::stderr());
    let mut tests = Vec::new();
    for line in BufReader::new(reader).lines() {
        let line = line.context("read the output of the tests")?;
        eprintln!("{line}");
        tests.extend(timed(&line).map(|(name, seconds)| (name.to_owned(), seconds)));
    }
    if !child.wait().context("wait for cargo test")?.success() {
        bail!("failed: {command:?}");
    }
    tests.sort_by(|a, b| b.1.total_cmp(&a.1));
    eprintln!("== the slowest tests");
    for (name, seconds) in tests.iter().take(SHOWN) {
        eprintln!("{seconds:>7.1} s  {name}");
    }
    Ok(())
}

/// Name and duration, in seconds, of the test in a line of the harness.
fn timed(line: &str) -> Option<(&str, f64)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let (_, seconds) = outcome.strip_suffix("s>")?.split_once('<')?;
    Some((name, seconds.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_from_the_output_of_the_harness() {
        assert_eq!(timed("test life::it_runs ... ok <12.345s>"), Some(("life::it_runs", 12.345)));
        assert_eq!(timed("test life::it_fails ... FAILED <0.001s>"), Some(("life::it_fails", 0.001)));
        for line in ["test result: ok. 3 passed; finished in 0.01s", "running 3 tests", "test a ... ignored"]
        {
            assert_eq!(timed(line), None, "{line}");
        }
    }
}
