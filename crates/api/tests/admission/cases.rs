//! Reads the case tables in this directory. Included by the tests of this crate and by those against a real
//! API server; it only reads, it does not evaluate.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// Tables by kind.
const NODES: (&str, &str) = ("SeiNode", include_str!("cases.yaml"));
const DEPLOYMENTS: (&str, &str) = ("SeiNodeDeployment", include_str!("deployments.yaml"));
const TASKS: (&str, &str) = ("SeiNodeTask", include_str!("tasks.yaml"));

/// One object created, or created and then updated.
pub struct Case {
    pub name: String,
    /// The existing object; absent if `object` is created.
    pub old: Option<Value>,
    /// The object that is sent.
    pub object: Value,
    pub expect: Expect,
}

/// Expected result for `object`.
pub enum Expect {
    Admitted,
    /// A CEL rule rejects it with this message.
    Refused(String),
    /// The schema rejects it at this path.
    Bound(String),
    /// It is admitted, and the operator reports Stalled with this text in the message.
    Stalled(String),
}

impl Expect {
    /// Whether the API server admits it.
    pub fn is_admitted(&self) -> bool {
        matches!(self, Self::Admitted | Self::Stalled(_))
    }
}

/// Objects that the Go controller's CRD of SeiNodeDeployments admitted or rejected, with the expected result
/// of our CRD: the same, except for the cases listed in section Admission of `docs/deployments.md`.
pub fn recorded() -> Vec<Case> {
    let recorded: Value =
        serde_json::from_str(include_str!("../../../../tests/conformance/deployment/admission.json"))
            .unwrap();
    let page = include_str!("../../../../docs/deployments.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Admission\n")).unwrap();
    let mut others: BTreeMap<String, String> = section
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.split_once("` | "))
        .map(|(case, rest)| (case.to_owned(), rest.split(' ').next().unwrap().to_owned()))
        .collect();
    let group = |row: &Value, spec: Value| {
        let name = row["name"].as_str().unwrap_or("u");
        let mut object = json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": name }, "spec": spec,
        });
        if let Some(patch) = row.get("mergePatch") {
            merge(&mut object, patch);
        }
        object
    };
    let rows = ["create", "update"].into_iter().flat_map(|of| recorded[of].as_array().unwrap());
    let mut cases = Vec::new();
    for row in rows {
        let name = row["case"].as_str().unwrap().to_owned();
        let by_go = if row["admitted"] == true { "admitted" } else { "refused" };
        let verdict =
            others.remove(&name).inspect(|other| assert_ne!(other, by_go, "{name}: listed, but the same"));
        let expect = match verdict.as_deref().unwrap_or(by_go) {
            "admitted" => Expect::Admitted,
            _ => Expect::Refused(String::new()),
        };
        let start = row.get("start").cloned();
        let object = group(row, start.clone().unwrap_or_else(|| row["spec"].clone()));
        let old = start.map(|start| group(&json!({}), start));
        cases.push(Case { name, old, object, expect });
    }
    assert!(others.is_empty(), "listed, but not recorded: {others:?}");
    cases
}

/// A JSON merge patch.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *value = patch.clone();
        return;
    };
    for (key, patch) in fields {
        if patch.is_null() {
            value.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut value[key], patch);
        }
    }
}

#[derive(Deserialize)]
struct Table {
    bases: BTreeMap<String, Value>,
    cases: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    case: String,
    base: String,
    #[serde(default)]
    set: BTreeMap<String, Value>,
    #[serde(default)]
    unset: Vec<String>,
    then: Option<Change>,
    refused: Option<String>,
    bound: Option<String>,
    stalled: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    #[serde(default)]
    set: BTreeMap<String, Value>,
    #[serde(default)]
    unset: Vec<String>,
}

/// Every case of a SeiNode.
pub fn nodes() -> Vec<Case> {
    read(NODES)
}

/// Every case of a SeiNodeDeployment. Those that its template shares with a SeiNode are in [`nodes`].
pub fn deployments() -> Vec<Case> {
    read(DEPLOYMENTS)
}

/// Every case of a SeiNodeTask.
pub fn tasks() -> Vec<Case> {
    read(TASKS)
}

fn read((kind, table): (&str, &str)) -> Vec<Case> {
    let table: Table = serde_saphyr::from_str(table).unwrap();
    table.cases.into_iter().map(|row| case(kind, row, &table.bases)).collect()
}

fn case(kind: &str, row: Row, bases: &BTreeMap<String, Value>) -> Case {
    let mut object = bases[&row.base].clone();
    object["apiVersion"] = json!("sei.io/v1alpha1");
    object["kind"] = json!(kind);
    change(&mut object, row.set, &row.unset);
    let old = row.then.map(|then| {
        let old = object.clone();
        change(&mut object, then.set, &then.unset);
        old
    });
    let expect = match (row.refused, row.bound, row.stalled) {
        (None, None, None) => Expect::Admitted,
        (Some(message), None, None) => Expect::Refused(message),
        (None, Some(path), None) => Expect::Bound(path),
        (None, None, Some(part)) => Expect::Stalled(part),
        _ => panic!("{}: refused, bound and stalled are mutually exclusive", row.case),
    };
    Case { name: row.case, old, object, expect }
}

fn change(object: &mut Value, set: BTreeMap<String, Value>, unset: &[String]) {
    for (path, value) in set {
        let (parent, last) = parent(object, &path);
        parent[last] = value;
    }
    for path in unset {
        let (parent, last) = parent(object, path);
        parent.as_object_mut().unwrap().remove(last).unwrap_or_else(|| panic!("nothing at {path}"));
    }
}

/// The object that contains the last part of a dotted path; missing objects on the way are created.
fn parent<'a, 'p>(object: &'a mut Value, path: &'p str) -> (&'a mut Value, &'p str) {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let parents = parents.split('.').filter(|part| !part.is_empty());
    let parent = parents.fold(object, |object, part| {
        if object[part].is_null() {
            object[part] = json!({});
        }
        &mut object[part]
    });
    (parent, last)
}
