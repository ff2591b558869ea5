//! `docs/reference/events.md`: the reasons of events, from the vocabulary in `sei_api::events`.

use std::fmt::Write as _;

use sei_api::events::EventReason;

const INTRODUCTION: &str = "\
# Events of SeiNodes, SeiNodeDeployments and SeiNodeTasks

Events follow from the difference of two statuses and are published after the status was written. Reasons are API; notes
are for people and may change. `kubectl get events --field-selector involvedObject.name=NAME` lists those of one object.

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
