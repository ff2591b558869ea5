//! Every dependency is used: by name in the sources of its package, or by a package of the workspace.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

/// The crates that a manifest lists, in all of these tables.
fn listed(manifest: &Table, tables: &[&str]) -> BTreeSet<String> {
    let tables = tables.iter().filter_map(|table| manifest.get(*table)?.as_table());
    tables.flat_map(Table::keys).cloned().collect()
}

/// The identifiers in all Rust files below `folder`, and in those that they include by path.
fn identifiers(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(identifiers(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let included =
                text.lines().filter_map(|line| line.strip_prefix("#[path = \"")?.strip_suffix("\"]"));
            for file in included {
                found.extend(words(&fs::read_to_string(folder.join(file)).unwrap()));
            }
            found.extend(words(&text));
        }
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').map(str::to_owned)
}

fn unused(dependencies: &BTreeSet<String>, identifiers: &BTreeSet<String>) -> Vec<String> {
    let is_unused = |name: &&String| !identifiers.contains(&name.replace('-', "_"));
    dependencies.iter().filter(is_unused).cloned().collect()
}

fn manifest(folder: &Path) -> Table {
    toml::from_str(&fs::read_to_string(folder.join("Cargo.toml")).unwrap()).unwrap()
}

/// The folders of the packages of the workspace.
fn packages(root: &Path, workspace: &Table) -> Vec<PathBuf> {
    let members = workspace["members"].as_array().unwrap().iter().filter_map(Value::as_str);
    let folders = |member: &str| match member.strip_suffix("/*") {
        Some(parent) => fs::read_dir(root.join(parent)).unwrap().map(|entry| entry.unwrap().path()).collect(),
        None => vec![root.join(member)],
    };
    members.flat_map(folders).collect()
}

#[test]
fn no_dependency_is_unused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let workspace = manifest(root)["workspace"].as_table().unwrap().clone();
    let (mut faults, mut of_packages) = (Vec::new(), BTreeSet::new());
    for folder in packages(root, &workspace) {
        let manifest = manifest(&folder);
        let dependencies = listed(&manifest, &["dependencies", "dev-dependencies"]);
        let name = folder.strip_prefix(root).unwrap().display();
        let unused = unused(&dependencies, &identifiers(&folder));
        faults.extend(unused.iter().map(|dependency| format!("{name} does not use {dependency}")));
        of_packages.extend(dependencies);
    }
    let unused = listed(&workspace, &["dependencies"]);
    let unused = unused.difference(&of_packages).map(|it| format!("no package of the workspace uses {it}"));
    faults.extend(unused);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_dependency_is_used_if_its_crate_is_named() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    let found = unused(&names(&["serde_json", "sei-api", "toml"]), &names(&["serde_json", "sei_api", "use"]));
    assert_eq!(found, ["toml"]);
}
