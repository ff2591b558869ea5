//! The durations of tests, from the output of their programs.

/// How many are printed.
const SHOWN: usize = 15;
/// Arguments with which a test program reports durations.
pub(super) const ARGUMENTS: [&str; 3] = ["-Z", "unstable-options", "--report-time"];
/// The environment variable with which the harness of a released toolchain accepts them. It is set for the test programs
/// and not for the compiler, which would rebuild everything.
pub(super) const VARIABLE: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

/// A test that ran.
#[derive(Debug, PartialEq)]
pub(super) struct Timed {
    /// Program and test.
    name: String,
    seconds: f64,
}

/// Prints the slowest of these tests.
pub(super) fn print(mut tests: Vec<Timed>) {
    tests.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    eprintln!("== the slowest tests");
    for Timed { name, seconds } in tests.iter().take(SHOWN) {
        eprintln!("{seconds:>7.1} s  {name}");
    }
}

/// The test in a line of the output of this program.
pub(super) fn timed(program: &str, line: &str) -> Option<Timed> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let (_, seconds) = outcome.strip_suffix("s>")?.split_once('<')?;
    Some(Timed { name: format!("{program} {name}"), seconds: seconds.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_from_the_output_of_the_harness() {
        let timed = |line| timed("plan/life", line).map(|test| (test.name, test.seconds));
        let expected = |name: &str, seconds| Some((name.to_owned(), seconds));
        assert_eq!(timed("test it_runs ... ok <12.345s>"), expected("plan/life it_runs", 12.345));
        assert_eq!(timed("test it_fails ... FAILED <0.001s>"), expected("plan/life it_fails", 0.001));
        for line in ["test result: ok. 3 passed; finished in 0.01s", "running 3 tests", "test a ... ignored"]
        {
            assert_eq!(timed(line), None, "{line}");
        }
    }
}
