//! `docs/reference/conditions.md`: every condition with its reasons, from the vocabulary in `sei_api::conditions`.

use std::fmt::Write as _;

use sei_api::{
    conditions::{ConditionType, Reason},
    deployment_conditions as group, task_conditions as task,
};

pub(super) fn render() -> String {
    let mut page = String::from(
        "# Conditions of a SeiNode\n\n\
         `Ready` summarizes the others: `kubectl wait --for=condition=Ready seinode/NAME`. Types and reasons are API; \
         messages are for humans and may change. If the node is `Stalled`, `Ready` has the reason of \
         `Stalled`.\n",
    );
    for kind in ConditionType::ALL {
        let reasons = Reason::all().filter(|reason| reason.condition() == *kind);
        let reasons = reasons.map(|reason| (reason.as_str(), reason.describe()));
        section(&mut page, kind.as_str(), kind.describe(), reasons);
    }
    page.push_str("\n# Conditions of a SeiNodeDeployment\n");
    for kind in group::ConditionType::ALL {
        let reasons = group::Reason::all().filter(|reason| reason.condition() == *kind);
        let reasons = reasons.map(|reason| (reason.as_str(), reason.describe()));
        section(&mut page, kind.as_str(), kind.describe(), reasons);
    }
    page.push_str("\n# Conditions of a SeiNodeTask\n");
    for kind in task::ConditionType::ALL {
        let reasons = task::Reason::all().filter(|reason| reason.condition() == *kind);
        let reasons = reasons.map(|reason| (reason.as_str(), reason.describe()));
        section(&mut page, kind.as_str(), kind.describe(), reasons);
    }
    page
}

fn section(
    page: &mut String,
    kind: &str,
    description: &str,
    reasons: impl Iterator<Item = (&'static str, &'static str)>,
) {
    write(page, format_args!("\n## {kind}\n\n{}\n", sentence(description)));
    write(page, format_args!("\n| reason | meaning |\n|---|---|\n"));
    for (reason, description) in reasons {
        write(page, format_args!("| `{reason}` | {} |\n", sentence(description)));
    }
}

fn write(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = page.write_fmt(text);
}

fn sentence(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}
