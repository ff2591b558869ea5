//! `docs/reference/events.md`: the reasons of events, from the vocabulary in `sei_api::events`.

use std::fmt::Write as _;

use sei_api::events::EventReason;

const INTRODUCTION: &str = "\
# Events of SeiNodes, SeiNodeDeployments and SeiNodeTasks

Events are derived from the difference between two statuses and published after the status is written. Reasons are API; notes
are for humans and may change. `kubectl get events --field-selector involvedObject.name=NAME` lists those of one object.

| reason | meaning |
|---|---|
";

pub(super) fn render() -> Result<String, std::fmt::Error> {
    let mut page = INTRODUCTION.to_owned();
    for reason in EventReason::ALL {
        let meaning: Vec<_> = reason.describe().split_whitespace().collect();
        writeln!(page, "| `{reason}` | {} |", meaning.join(" "))?;
    }
    Ok(page)
}
