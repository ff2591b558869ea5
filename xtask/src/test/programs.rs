//! Builds the test programs, and runs those that wait for API servers beside all others.

use std::{
    io::{self, BufRead, BufReader},
    num::NonZero,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, bail};
use serde_json::Value;

use super::{
    failures::Failures,
    slowest::{self, Timed},
};
use crate::cargo;

/// Programs whose tests mostly wait for an API server and not for a processor.
const WAITING: &[&str] = &["sei-apiserver-tests/life"];
/// How many of their tests run at the same time at least.
const THREADS: usize = 6;

/// A test program.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    /// Package and target, such as `sei-plan/life`.
    name: String,
    executable: PathBuf,
    /// The directory of its package, in which its tests run.
    folder: PathBuf,
}

/// The result of a run of programs.
#[derive(Default)]
struct Outcome {
    tests: Vec<Timed>,
    failed: Vec<String>,
    /// What the failed tests printed, to be repeated at the end.
    failures: Vec<String>,
}

/// Builds all test programs, runs them with these environment variables, and prints the slowest tests at the end.
pub(super) fn run(variables: &[(&str, PathBuf)]) -> anyhow::Result<()> {
    let (waiting, others): (Vec<_>, Vec<_>) =
        build()?.into_iter().partition(|program| WAITING.contains(&program.name.as_str()));
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let outcomes = thread::scope(|scope| {
        let beside = scope.spawn(|| run_each(&others, cores, variables));
        let waiting = run_each(&waiting, cores.max(THREADS), variables);
        [waiting, beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))]
    });
    let mut all = Outcome::default();
    for outcome in outcomes {
        let Outcome { tests, failed, failures } = outcome?;
        all.tests.extend(tests);
        all.failed.extend(failed);
        all.failures.extend(failures);
    }
    slowest::print(all.tests);
    if !all.failed.is_empty() {
        all.failures.iter().for_each(|line| eprintln!("{line}"));
        bail!("tests failed in {}: the whole output of each is above", all.failed.join(", "));
    }
    Ok(())
}

fn build() -> anyhow::Result<Vec<Program>> {
    let mut build = cargo(&["test", "--workspace", "--locked", "--tests", "--no-run"]);
    build.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child = build.spawn().context("run cargo test")?;
    let messages = child.stdout.take().context("the output of cargo is not piped")?;
    let mut programs = Vec::new();
    for line in BufReader::new(messages).lines() {
        programs.extend(program(&line.context("read the messages of cargo")?)?);
    }
    if !child.wait().context("wait for cargo test")?.success() {
        bail!("the tests do not build: the compiler's output is above");
    }
    Ok(programs)
}

/// The test program of which a message of cargo says that it is built.
fn program(message: &str) -> anyhow::Result<Option<Program>> {
    let message: Value = serde_json::from_str(message).context("decode a message of cargo")?;
    let (true, Some(executable)) =
        (message["profile"]["test"].as_bool() == Some(true), message["executable"].as_str())
    else {
        return Ok(None);
    };
    let manifest = PathBuf::from(message["manifest_path"].as_str().context("a program without manifest")?);
    let folder = manifest.parent().context("a manifest without folder")?.to_owned();
    let package = message["package_id"].as_str().context("a program without package")?;
    let target = message["target"]["name"].as_str().context("a program without name")?;
    let name = format!("{}/{target}", package_name(package));
    Ok(Some(Program { name, executable: executable.into(), folder }))
}

/// The name in `path+file:///…/plan#sei-plan@0.1.0`, or in `path+file:///…/xtask#0.1.0` where the directory has it.
fn package_name(id: &str) -> &str {
    let (place, version) = id.rsplit_once('#').unwrap_or((id, ""));
    version.split_once('@').map_or_else(|| place.rsplit('/').next().unwrap_or(place), |(name, _)| name)
}

fn run_each(programs: &[Program], threads: usize, variables: &[(&str, PathBuf)]) -> anyhow::Result<Outcome> {
    let mut all = Outcome::default();
    for program in programs {
        let (tests, failures, is_passed) = program.run(threads, variables)?;
        all.tests.extend(tests);
        all.failures.extend(failures.lines(&program.name));
        all.failed.extend((!is_passed).then(|| program.name.clone()));
    }
    Ok(all)
}

impl Program {
    /// Runs its tests, and prints each line of their output after the name of the program. Returns their durations,
    /// those that failed, and whether the program succeeded.
    fn run(
        &self,
        threads: usize,
        variables: &[(&str, PathBuf)],
    ) -> anyhow::Result<(Vec<Timed>, Failures, bool)> {
        let (reader, writer) = io::pipe().context("create a pipe")?;
        let mut command = Command::new(&self.executable);
        command.args(slowest::ARGUMENTS).arg(format!("--test-threads={threads}")).current_dir(&self.folder);
        command.env("CARGO_MANIFEST_DIR", &self.folder).envs([slowest::VARIABLE]);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(writer.try_clone().context("share the pipe")?).stderr(writer);
        let mut child = command.spawn().with_context(|| format!("run {}", self.name))?;
        // The pipe ends when no other process holds its write end.
        drop(command);
        let (mut tests, mut failures) = (Vec::new(), Failures::default());
        for line in BufReader::new(reader).lines() {
            let line = line.with_context(|| format!("read the output of {}", self.name))?;
            if !line.is_empty() {
                eprintln!("{}: {line}", self.name);
            }
            tests.extend(slowest::timed(&self.name, &line));
            failures.take(&line);
        }
        let is_passed = child.wait().with_context(|| format!("wait for {}", self.name))?.success();
        Ok((tests, failures, is_passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_test_programs_are_run() {
        let message = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///w/crates/plan#sei-plan@0.1.0",
                "manifest_path":"/w/crates/plan/Cargo.toml","target":{{"kind":["test"],"name":"life"}},
                "profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let life = Program {
            name: "sei-plan/life".to_owned(),
            executable: "/w/target/debug/deps/life-1".into(),
            folder: "/w/crates/plan".into(),
        };
        assert_eq!(program(&message(true, r#""/w/target/debug/deps/life-1""#)).unwrap(), Some(life));
        assert_eq!(program(&message(false, r#""/w/target/debug/seid""#)).unwrap(), None);
        assert_eq!(program(&message(true, "null")).unwrap(), None);
        assert_eq!(program(r#"{"reason":"build-finished","success":true}"#).unwrap(), None);
    }

    #[test]
    fn the_name_of_a_package_is_parsed_from_its_id() {
        assert_eq!(package_name("path+file:///w/crates/plan#sei-plan@0.1.0"), "sei-plan");
        assert_eq!(package_name("path+file:///w/xtask#0.1.0"), "xtask");
    }
}
