//! Terminal output of the scenarios.

use std::{cell::RefCell, io::IsTerminal, time::Instant};

use anyhow::bail;

tokio::task_local! {
    /// What the running scenario has reported: scenarios run concurrently, and the output of each is printed
    /// as a whole.
    static SEEN: RefCell<Vec<String>>;
}

/// Reports an assertion that held.
pub(crate) fn seen(text: impl AsRef<str>) {
    SEEN.with(|lines| lines.borrow_mut().push(format!("  ✓ {}", text.as_ref())));
}

/// Output that helps to understand a failure.
pub(crate) fn show(text: String) {
    SEEN.with(|lines| lines.borrow_mut().push(text));
}

/// The scenarios so far.
#[derive(Default)]
pub(crate) struct Report(RefCell<Vec<Line>>);

struct Line {
    name: &'static str,
    about: &'static str,
    seconds: f64,
    passed: bool,
}

impl Report {
    /// Runs the scenario with this name and prints its output as a whole.
    pub(crate) async fn run(
        &self,
        name: &'static str,
        about: &'static str,
        run: impl Future<Output = anyhow::Result<()>>,
    ) {
        println!("   {name} started");
        let started = Instant::now();
        let (outcome, seen) = SEEN
            .scope(RefCell::default(), async {
                let outcome = run.await;
                (outcome, SEEN.with(RefCell::take))
            })
            .await;
        let seconds = started.elapsed().as_secs_f64();
        println!("\n{} {about}", bold(&format!("== {name}:")));
        seen.iter().for_each(|line| println!("{line}"));
        match &outcome {
            Ok(()) => println!("  passed in {seconds:.1} s"),
            Err(error) => println!("  ✗ failed after {seconds:.1} s: {error:#}"),
        }
        self.0.borrow_mut().push(Line { name, about, seconds, passed: outcome.is_ok() });
    }

    /// Whether these scenarios have run and passed.
    pub(crate) fn has_passed<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        let lines = self.0.borrow();
        names.all(|name| lines.iter().any(|line| line.name == name && line.passed))
    }

    /// Prints a line for each, the slowest first, and fails if one failed.
    pub(crate) fn close(self) -> anyhow::Result<()> {
        println!("\n{}", bold("== report, the slowest first"));
        let mut lines = self.0.into_inner();
        lines.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        for Line { name, about, seconds, passed } in &lines {
            println!("  {} {name:<20} {seconds:>6.1} s  {about}", if *passed { "✓" } else { "✗" });
        }
        let failed = lines.iter().filter(|line| !line.passed).count();
        if failed > 0 {
            bail!("{failed} of {} scenarios failed", lines.len());
        }
        println!("  all {} passed", lines.len());
        Ok(())
    }
}

fn bold(text: &str) -> String {
    if std::io::stdout().is_terminal() { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
}
