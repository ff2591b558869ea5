//! The failed tests in the output of the harness, repeated at the end of a run, where people and reports of CI look.

/// How many lines of the output of a test are repeated: its panic, without the backtrace.
const LINES: usize = 12;
/// How many characters of a line are repeated.
const WIDTH: usize = 400;

/// The failures of one program, collected line by line.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Failures {
    tests: Vec<Failed>,
    is_in_panic: bool,
}

/// A test that failed, and the start of what it printed.
#[derive(Debug, PartialEq)]
struct Failed {
    name: String,
    output: Vec<String>,
}

impl Failures {
    /// Takes the next line that the program printed.
    pub(super) fn take(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" stdout ----")) {
            self.tests.push(Failed { name: name.to_owned(), output: Vec::new() });
            self.is_in_panic = true;
        } else if line == "stack backtrace:" || line == "failures:" {
            self.is_in_panic = false;
        } else if let (true, Some(test)) = (self.is_in_panic, self.tests.last_mut()) {
            if line.contains(" panicked at ") {
                // What the test printed before is further up.
                test.output.clear();
            }
            if test.output.len() < LINES {
                test.output.push(line.chars().take(WIDTH).collect());
            }
        }
    }

    /// The failed tests of this program, as they are printed at the end.
    pub(super) fn lines(&self, program: &str) -> impl Iterator<Item = String> {
        self.tests.iter().flat_map(move |test| {
            let name = format!("FAILED {program} {}", test.name);
            [name].into_iter().chain(test.output.iter().map(|line| format!("    {line}")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_are_repeated_without_their_backtraces() {
        let output = "running 2 tests\ntest a ... FAILED <0.1s>\n\nfailures:\n\n---- a stdout ----\n\
            something it printed\nthread 'a' (7) panicked at x.rs:1:2:\nleft: 1\nstack backtrace:\n   0: core::panic\n\
            ---- b::c stdout ----\nError: \"no\"\n\nfailures:\n    a\n    b::c\n\ntest result: FAILED.";
        let mut failures = Failures::default();
        output.lines().filter(|line| !line.is_empty()).for_each(|line| failures.take(line));
        let lines: Vec<_> = failures.lines("plan/life").collect();
        let expected = [
            "FAILED plan/life a",
            "    thread 'a' (7) panicked at x.rs:1:2:",
            "    left: 1",
            "FAILED plan/life b::c",
            "    Error: \"no\"",
        ];
        assert_eq!(lines, expected);
    }
}
