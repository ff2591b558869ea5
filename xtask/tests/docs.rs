//! What the documentation names exists: linked pages and their headings, paths of the repository, condition reasons.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sei_api::{
    conditions::{ConditionType, Reason},
    deployment_conditions as group,
    events::EventReason,
};

/// Folders and files at the root that distinguish a path in backticks from other text.
const ROOTS: &[&str] = &["bins/", "crates/", "crds/", "deploy/", "docs/", "tests/", "xtask/", "Cargo."];
/// Written like reasons, but something else.
const OTHER_WORDS: &[&str] = &[
    "AttemptsExhausted",
    "BlueGreen",
    "CrashLoopBackOff",
    "FailedMount",
    "HardFork",
    "IfNotPresent",
    "InPlace",
    "OOMKilled",
    "OnDelete",
    "SeiNode",
    "SeiNodeDeployment",
    "TaskUnknown",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The pages at the root, those of docs, and those beside the tests, with their text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    for folder in ["", "docs", "docs/decisions", "docs/reference", "tests"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        paths.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The lines of a page that are not in blocks of code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_block = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        (!fence && !in_block).then_some((index + 1, line))
    })
}

/// What stands in backticks in a line.
fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Where the links of a line go. Code has none.
fn links(line: &str) -> Vec<String> {
    let text: String = line.split('`').step_by(2).collect();
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned).collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|(_, line)| line.strip_prefix('#'));
    headings
        .map(|heading| {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// Fails with all of `faults` at once.
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn place(path: &Path, line: usize) -> String {
    format!("{}:{line}", path.strip_prefix(root()).unwrap().display())
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    for (path, text) in pages() {
        for (number, line) in prose(&text) {
            for link in links(line).iter().filter(|link| !link.contains("://")) {
                let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
                let has_anchor =
                    || fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor));
                if !target.exists() || !(anchor.is_empty() || has_anchor()) {
                    faults.push(format!("{}: {link} leads nowhere", place(&path, number)));
                }
            }
        }
    }
    none(&faults);
}

#[test]
fn every_page_of_docs_is_in_the_contents_of_the_site() {
    let contents = root().join("docs/SUMMARY.md");
    let text = fs::read_to_string(&contents).unwrap();
    let listed: BTreeSet<_> =
        text.lines().flat_map(links).map(|link| contents.parent().unwrap().join(link)).collect();
    let pages =
        pages().into_iter().map(|(path, _)| path).filter(|path| path.starts_with(root().join("docs")));
    let missing = pages.filter(|path| *path != contents && !listed.contains(path));
    let faults: Vec<_> =
        missing.map(|path| format!("{} is not in docs/SUMMARY.md", path.display())).collect();
    none(&faults);
}

#[test]
fn paths_exist() {
    let mut faults = Vec::new();
    for (path, text) in pages() {
        for (number, line) in prose(&text) {
            for word in code(line).filter(|word| ROOTS.iter().any(|root| word.starts_with(root))) {
                if !word.contains([' ', '*', '<']) && !root().join(word).exists() {
                    faults.push(format!("{}: there is no {word}", place(&path, number)));
                }
            }
        }
    }
    none(&faults);
}

/// Every file that can hold a message: sources, and what is deployed.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<_> =
        ["bins", "crates", "deploy", "tests", "xtask"].map(|name| root().join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.push((path, text));
            }
        }
    }
    found
}

/// The pages below `docs/` that a text names.
fn pages_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "/_-.".contains(c)))
        .filter(|word| word.starts_with("docs/") && word.ends_with(".md"))
}

#[test]
fn pages_that_messages_name_exist() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        for (index, line) in text.lines().enumerate() {
            for page in pages_in(line).filter(|page| !root().join(page).exists()) {
                faults.push(format!("{}: there is no {page}", place(&path, index + 1)));
            }
        }
    }
    none(&faults);
}

#[test]
fn metrics_are_served() {
    let served = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let mut faults = Vec::new();
    for (path, text) in pages() {
        for (number, line) in prose(&text) {
            for word in code(line).filter(|word| word.starts_with("sei_controller_")) {
                let name = word.split(['{', ' ']).next().unwrap_or_default();
                if !served.contains(&format!("| `{name}` |")) {
                    faults.push(format!("{}: {name} is not in docs/metrics.md", place(&path, number)));
                }
            }
        }
    }
    none(&faults);
}

#[test]
fn reasons_are_in_the_vocabulary() {
    let events = EventReason::ALL.iter().map(|reason| reason.as_str());
    let of_groups = group::Reason::all().map(group::Reason::as_str);
    let reasons: BTreeSet<_> = Reason::all().map(Reason::as_str).chain(of_groups).chain(events).collect();
    let kinds = ConditionType::ALL.iter().map(|kind| kind.as_str());
    let kinds = kinds.chain(group::ConditionType::ALL.iter().map(|kind| kind.as_str()));
    let known: BTreeSet<_> = reasons.iter().copied().chain(kinds).collect();
    let mut faults = Vec::new();
    for (path, text) in pages() {
        let mut of_reasons = false;
        for (number, line) in prose(&text) {
            of_reasons = line.starts_with("| reason |") || (of_reasons && line.starts_with('|'));
            let cell = line.trim_start_matches('|').split('|').next().unwrap_or_default();
            for word in code(cell).filter(|_| of_reasons).filter(|word| !reasons.contains(word)) {
                faults.push(format!("{}: {word} is no reason", place(&path, number)));
            }
            for word in code(line).filter(|word| is_compound(word)) {
                if !known.contains(word) && !OTHER_WORDS.contains(&word) {
                    faults.push(format!("{}: {word} is in no vocabulary", place(&path, number)));
                }
            }
        }
    }
    none(&faults);
}

/// The sources of the product in `folders`, where reasons are written.
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
fn documented_reasons_are_written() {
    // The types hold what is written to what is documented; this holds what is documented to what is written.
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
    let unwritten = of_nodes.chain(of_groups).filter(|(code, reason)| !written(code, reason));
    let faults: Vec<_> = unwritten.map(|(_, reason)| format!("{reason} is never written")).collect();
    none(&faults);
}

/// Whether `word` is written as reasons are: letters alone, with capitals at its beginning and inside.
fn is_compound(word: &str) -> bool {
    let capitals = word.chars().filter(char::is_ascii_uppercase).count();
    let letters = word.chars().all(|c| c.is_ascii_alphabetic());
    letters && word.starts_with(|c: char| c.is_ascii_uppercase()) && (2..word.len()).contains(&capitals)
}

#[test]
fn this_test_can_fail() {
    let text = "# A b\n```\n[x](no.md) `crates/no`\n```\nsee [`y`](z.md#q) and `crates/no`, `NoSuchReason`";
    let lines: Vec<_> = prose(text).collect();
    assert_eq!(lines.len(), 2, "code is no prose");
    assert_eq!(links(lines[1].1), ["z.md#q"]);
    assert_eq!(code(lines[1].1).collect::<Vec<_>>(), ["y", "crates/no", "NoSuchReason"]);
    assert_eq!(anchors("## What's `it` do?"), BTreeSet::from(["whats-it-do".to_owned()]));
    let (page, text) =
        (["docs", "a.md"].join("/"), ["see docs", "a.md, not odocs", "b.md or docs", "c"].join("/"));
    assert_eq!(pages_in(&text).collect::<Vec<_>>(), [page.as_str()]);
    assert!(is_compound("NoSuchReason") && !is_compound("Ready") && !is_compound("DNS"));
}
