//! What the terminal shows of the scenarios.

use std::{io::IsTerminal, time::Instant};

use anyhow::bail;

use crate::scenarios::Scenario;

/// Something that was asserted and held.
pub(crate) fn seen(text: impl AsRef<str>) {
    println!("  ✓ {}", text.as_ref());
}

/// The scenarios so far.
#[derive(Default)]
pub(crate) struct Report {
    running: Option<(&'static Scenario, Instant)>,
    done: Vec<Line>,
}

struct Line {
    name: &'static str,
    about: &'static str,
    seconds: f64,
    passed: bool,
}

impl Report {
    /// A scenario begins.
    pub(crate) fn begin(&mut self, scenario: &'static Scenario) {
        println!("\n{} {}", bold(&format!("== {}:", scenario.name)), scenario.about);
        self.running = Some((scenario, Instant::now()));
    }

    /// It has ended.
    pub(crate) fn end(&mut self, outcome: anyhow::Result<()>) {
        let Some((scenario, began)) = self.running.take() else { return };
        let seconds = began.elapsed().as_secs_f64();
        match &outcome {
            Ok(()) => println!("  passed in {seconds:.1} s"),
            Err(error) => println!("  ✗ failed after {seconds:.1} s: {error:#}"),
        }
        let Scenario { name, about, .. } = *scenario;
        self.done.push(Line { name, about, seconds, passed: outcome.is_ok() });
    }

    /// Prints all once more, a line each, and fails if one failed.
    pub(crate) fn close(self) -> anyhow::Result<()> {
        println!("\n{}", bold("== report"));
        for Line { name, about, seconds, passed } in &self.done {
            println!("  {} {name:<20} {seconds:>6.1} s  {about}", if *passed { "✓" } else { "✗" });
        }
        let failed = self.done.iter().filter(|line| !line.passed).count();
        if failed > 0 {
            bail!("{failed} of {} scenarios failed", self.done.len());
        }
        println!("  all {} passed", self.done.len());
        Ok(())
    }
}

fn bold(text: &str) -> String {
    if std::io::stdout().is_terminal() { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
}
