//! Messages, comments, names and pages use the terms of the Kubernetes field.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{fs, path::Path, process::Command};

/// Avoided phrases, and what to write instead.
const AVOIDED: &[(&str, &str)] = &[
    ("a person has to", "manual intervention is required"),
    ("a person must", "manual intervention is required"),
    ("again and again", "repeatedly"),
    ("anew", "again, or recreate and reissue"),
    ("begun", "started"),
    ("by itself", "automatically, or leave it out"),
    ("ever more", "with growing delays"),
    ("for ever", "forever"),
    ("for good", "permanently"),
    ("goes on", "continues"),
    ("gone on with", "continued"),
    ("held back", "blocked"),
    ("holds back", "blocks"),
    ("in the place of", "instead of, or replaces"),
    ("in the words of", "as reported by"),
    ("looked at", "checked"),
    ("looks again", "retries, or requeues"),
    ("looks at", "checks"),
    ("made again", "recreated"),
    ("nobody", "no client, or no process"),
    ("over and over", "repeatedly"),
    ("set right", "reverted, or corrected"),
    ("somebody", "another client"),
    ("that is none", "that is invalid"),
    ("tells", "says, or shows"),
    ("to be had", "available"),
    ("told", "reported, or instructed"),
    ("whoever", "anyone who"),
    ("without a word", "silently"),
];

/// A user name in images, and this file.
const ALLOWED: &[(&str, &str)] = &[("crates/oci/src/rootfs.rs", "nobody"), ("xtask/tests/words.rs", "")];

/// The words of a text in lower case, including those in identifiers, separated by blanks.
fn words(line: &str) -> String {
    let letters = line.chars().map(|letter| if letter.is_alphanumeric() { letter } else { ' ' });
    let letters: String = letters.flat_map(char::to_lowercase).collect();
    format!(" {} ", letters.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The text files under version control, except recorded objects of other projects.
fn files(root: &Path) -> Vec<String> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output().unwrap();
    assert!(listed.status.success(), "git lists the files: {}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let extensions = ["gotmpl", "md", "rs", "sh", "toml", "tpl", "txt", "yaml", "yml"];
    let is_text = |path: &&str| {
        Path::new(path).extension().is_some_and(|it| extensions.iter().any(|known| it == *known))
    };
    listed
        .split_terminator('\0')
        .filter(is_text)
        .filter(|path| !path.starts_with("tests/conformance/"))
        .map(str::to_owned)
        .collect()
}

fn found(path: &str, text: &str) -> Vec<String> {
    let is_allowed = |phrase: &str| {
        ALLOWED.iter().any(|(place, word)| *place == path && (word.is_empty() || *word == phrase))
    };
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = words(line);
        for (phrase, instead) in AVOIDED {
            if line.contains(&format!(" {phrase} ")) && !is_allowed(phrase) {
                found.push(format!("{path}:{}: \"{phrase}\": write {instead}", number + 1));
            }
        }
    }
    found
}

#[test]
fn texts_contain_no_avoided_phrase() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = files(root);
    assert!(files.len() > 300, "the whole repository is read, not {} files", files.len());
    let read = |path: &String| fs::read_to_string(root.join(path)).map(|text| found(path, &text));
    let found: Vec<_> = files.iter().flat_map(|path| read(path).unwrap_or_default()).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_avoided_phrase_is_found_in_text_and_in_names() {
    assert_eq!(found("a.md", "It is made again.").len(), 1);
    assert_eq!(found("a.rs", "fn a_pod_is_told_of() {}").len(), 1);
    assert_eq!(found("a.rs", "// The remade Job."), Vec::<String>::new());
}
