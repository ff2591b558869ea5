//! `docs/reference/conditions.md`: every condition with its reasons, from the vocabulary in `sei_api::conditions`.

use std::fmt::Write as _;

use sei_api::conditions::{ConditionType, Reason};

pub(super) fn render() -> String {
    let mut page = String::from(
        "# Conditions of a SeiNode\n\n\
         `Ready` sums the others up: `kubectl wait --for=condition=Ready seinode/NAME`. Types and reasons are API; \
         messages are for people and may change. A `Ready` that is not True because the node is `Stalled` \
         carries the reason of `Stalled`.\n",
    );
    for kind in ConditionType::ALL {
        write(&mut page, format_args!("\n## {kind}\n\n{}\n", sentence(kind.describe())));
        write(&mut page, format_args!("\n| reason | meaning |\n|---|---|\n"));
        for reason in Reason::all().filter(|reason| reason.condition() == *kind) {
            write(&mut page, format_args!("| `{}` | {} |\n", reason.as_str(), sentence(reason.describe())));
        }
    }
    page
}

fn write(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = page.write_fmt(text);
}

fn sentence(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}
