//! Condition reasons, event reasons and metrics.

use std::{collections::BTreeSet, fs, path::Path};

use sei_api::{
    conditions::{ConditionType, Reason},
    deployment_conditions as group,
    events::EventReason,
    task_conditions as task,
};

use super::{code, location, none, pages, prose, root, sources};

/// Words with the form of a reason that are something else.
const OTHER_WORDS: &[&str] = &[
    "AttemptsExhausted",
    "BlueGreen",
    "CrashLoopBackOff",
    "FailedMount",
    "HardFork",
    "IfNotPresent",
    "InPlace",
    "NoWithVeto",
    "OOMKilled",
    "OnDelete",
    "SeiNode",
    "SeiNodeDeployment",
    "SeiNodeTask",
    "TaskUnknown",
    "WithImage",
];

#[test]
fn every_documented_metric_is_served() {
    let served = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let mut faults = Vec::new();
    for (path, text) in pages() {
        for (number, line) in prose(&text) {
            for word in code(line).filter(|word| word.starts_with("sei_controller_")) {
                let name = word.split(['{', ' ']).next().unwrap_or_default();
                if !served.contains(&format!("| `{name}` |")) {
                    faults.push(format!("{}: {name} is not in docs/metrics.md", location(&path, number)));
                }
            }
        }
    }
    none(&faults);
}

#[test]
fn every_reason_in_the_docs_exists() {
    let events = EventReason::ALL.iter().map(|reason| reason.as_str());
    let of_groups = group::Reason::all().map(group::Reason::as_str);
    let of_tasks = task::Reason::all().map(task::Reason::as_str);
    let reasons: BTreeSet<_> =
        Reason::all().map(Reason::as_str).chain(of_groups).chain(of_tasks).chain(events).collect();
    let kinds = ConditionType::ALL.iter().map(|kind| kind.as_str());
    let kinds = kinds.chain(group::ConditionType::ALL.iter().map(|kind| kind.as_str()));
    let kinds = kinds.chain(task::ConditionType::ALL.iter().map(|kind| kind.as_str()));
    let known: BTreeSet<_> = reasons.iter().copied().chain(kinds).collect();
    let mut faults = Vec::new();
    for (path, text) in pages() {
        let mut of_reasons = false;
        for (number, line) in prose(&text) {
            of_reasons = line.starts_with("| reason |") || (of_reasons && line.starts_with('|'));
            let cell = line.trim_start_matches('|').split('|').next().unwrap_or_default();
            for word in code(cell).filter(|_| of_reasons).filter(|word| !reasons.contains(word)) {
                faults.push(format!("{}: {word} is not a reason", location(&path, number)));
            }
            for word in code(line).filter(|word| is_compound(word)) {
                if !known.contains(word) && !OTHER_WORDS.contains(&word) {
                    faults.push(format!("{}: {word} is in no vocabulary", location(&path, number)));
                }
            }
        }
    }
    none(&faults);
}

/// The sources of the product in `folders`, where reasons are set.
fn product(folders: &[&str]) -> String {
    let is_product = |path: &Path| {
        let path = path.strip_prefix(root()).unwrap();
        let is_source = folders.iter().any(|folder| path.starts_with(folder));
        is_source && path.extension().is_some_and(|extension| extension == "rs")
    };
    let code = |text: String| text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let sources = sources().into_iter().filter(|(path, _)| is_product(path));
    sources.map(|(_, text)| code(text)).collect()
}

#[test]
fn every_documented_reason_is_used() {
    // The types ensure that every set reason is documented; this ensures that every documented reason is set.
    let written = |code: &str, reason: &str| {
        // `Ready(NodeReady)`: the variant of the condition's own enum.
        let variant = reason.split(['(', ')']).nth(1).unwrap();
        let name = format!("Reason::{variant}");
        let mut uses = code.split(&name).skip(1);
        uses.any(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
    };
    let nodes = product(&["crates/decide/src", "crates/controller/src"]);
    let groups = product(&["crates/deployment/src", "crates/controller/src"]);
    let of_nodes = Reason::all().map(|reason| (&nodes, format!("{reason:?}")));
    let of_groups = group::Reason::all().map(|reason| (&groups, format!("{reason:?}")));
    let tasks = product(&["crates/node-task/src", "crates/controller/src"]);
    let of_tasks = task::Reason::all().map(|reason| (&tasks, format!("{reason:?}")));
    let unwritten = of_nodes.chain(of_groups).chain(of_tasks).filter(|(code, reason)| !written(code, reason));
    let faults: Vec<_> = unwritten.map(|(_, reason)| format!("{reason} is never written")).collect();
    none(&faults);
}

/// Whether `word` has the form of a reason: only letters, capitalized, with capitals inside.
fn is_compound(word: &str) -> bool {
    let capitals = word.chars().filter(char::is_ascii_uppercase).count();
    let letters = word.chars().all(|c| c.is_ascii_alphabetic());
    letters && word.starts_with(|c: char| c.is_ascii_uppercase()) && (2..word.len()).contains(&capitals)
}

#[test]
fn compound_words_have_the_form_of_a_reason() {
    assert!(is_compound("NoSuchReason") && !is_compound("Ready") && !is_compound("DNS"));
}
