//! `migrate check`: what the operator will do with a cluster that the Go controller runs. `sei-migrate` derives
//! the forecasts; nothing is changed.

mod cluster;

use std::process::ExitCode;

use jiff::Timestamp;
use sei_migrate::{Effect, Forecast, forecasts};

use crate::{
    cli::{FindingsOutput, MigrateArgs, MigrateCommand},
    connect, input, print,
};

/// Exit code if anything will require manual intervention.
const STALLS: u8 = 3;

pub(crate) fn run(command: &MigrateCommand) -> anyhow::Result<ExitCode> {
    let MigrateCommand::Check(args) = command;
    let platform = input::platform()?;
    connect::block_on(async {
        let cluster = cluster::read(&connect::connect_to_all(&args.findings.access).await?, args).await?;
        let found = forecasts(&cluster, &platform, Timestamp::now());
        show(args, &found)?;
        let stalls = found.iter().any(|forecast| forecast.effect == Effect::Stalls);
        Ok(if stalls { ExitCode::from(STALLS) } else { ExitCode::SUCCESS })
    })
}

fn show(args: &MigrateArgs, forecasts: &[Forecast]) -> anyhow::Result<()> {
    match args.findings.output {
        FindingsOutput::Json => print::json(forecasts),
        FindingsOutput::Text => {
            let texts: String = forecasts.iter().map(lines).collect();
            print::line(&format!("{texts}{}", summary(forecasts)))
        }
    }
}

/// One line for the object, and one for each step.
fn lines(forecast: &Forecast) -> String {
    let Forecast { kind, namespace, name, now, wedged, effect, steps, stalled } = forecast;
    let wedged = if *wedged { " [wedged]" } else { "" };
    let mut text = format!("{kind} {namespace}/{name} ({now}){wedged}: {}\n", word(*effect));
    for step in steps {
        text.push_str(&format!("  - {step}\n"));
    }
    if let Some(stalled) = stalled {
        text.push_str(&format!("  Stalled: {}: {}\n", stalled.reason, stalled.message));
    }
    // The texts are quoted from the objects.
    text.split_inclusive('\n').map(|line| format!("{}\n", print::printable(line.trim_end()))).collect()
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Adopts => "adopted unchanged",
        Effect::Waits => "waits",
        Effect::Continues => "continues, no pod restarts",
        Effect::Starts => "a plan starts",
        Effect::ReplacesPod => "its pod is replaced",
        Effect::Stalls => "stalls",
    }
}

fn summary(forecasts: &[Forecast]) -> String {
    let count = |effect: Effect| forecasts.iter().filter(|forecast| forecast.effect == effect).count();
    format!(
        "{} objects: {} stall, {} replace their pod, {} wait, {} are wedged now",
        forecasts.len(),
        count(Effect::Stalls),
        count(Effect::ReplacesPod),
        count(Effect::Waits),
        forecasts.iter().filter(|forecast| forecast.wedged).count()
    )
}

#[cfg(test)]
mod tests {
    use sei_migrate::Stalled;

    use super::*;

    #[test]
    fn an_object_is_printed_on_one_line_followed_by_its_steps() {
        let forecast = |name: &str, effect, steps: &[&str], stalled| Forecast {
            kind: "SeiNode",
            namespace: "pacific-1".to_owned(),
            name: name.to_owned(),
            now: "Running".to_owned(),
            wedged: name == "b",
            effect,
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            stalled,
        };
        let stalled = Stalled { reason: "InvalidSpec".to_owned(), message: "write\u{1b} x".to_owned() };
        let found = [
            forecast("a", Effect::Adopts, &[], None),
            forecast("b", Effect::Stalls, &["continues: task x (1 of 2)"], Some(stalled)),
        ];
        let text: String = found.iter().map(lines).chain([summary(&found)]).collect();
        insta::assert_snapshot!(text, @r"
        SeiNode pacific-1/a (Running): adopted unchanged
        SeiNode pacific-1/b (Running) [wedged]: stalls
          - continues: task x (1 of 2)
          Stalled: InvalidSpec: write\u{1b} x
        2 objects: 1 stall, 0 replace their pod, 0 wait, 1 are wedged now
        ");
    }
}
