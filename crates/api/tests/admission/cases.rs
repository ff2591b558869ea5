//! Reads the case table beside it. Included by the tests of this crate and by those against a real API server; it
//! judges nothing itself.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

const TABLE: &str = include_str!("cases.yaml");

/// One object created, or created and then updated.
pub struct Case {
    pub name: String,
    /// The object that exists; absent where `object` is a creation.
    pub old: Option<Value>,
    /// The object that is sent.
    pub object: Value,
    pub expect: Expect,
}

/// What becomes of `object`.
pub enum Expect {
    Admitted,
    /// A CEL rule refuses it with this message.
    Refused(String),
    /// The schema refuses it at this path.
    Bound(String),
    /// It is admitted, and the operator stalls with this in its message.
    Stalled(String),
}

impl Expect {
    /// Whether the API server takes it.
    pub fn is_admitted(&self) -> bool {
        matches!(self, Self::Admitted | Self::Stalled(_))
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

/// Every case of the table.
pub fn all() -> Vec<Case> {
    let table: Table = serde_saphyr::from_str(TABLE).unwrap();
    table.cases.into_iter().map(|row| case(row, &table.bases)).collect()
}

fn case(row: Row, bases: &BTreeMap<String, Value>) -> Case {
    let mut object = bases[&row.base].clone();
    object["apiVersion"] = json!("sei.io/v1alpha1");
    object["kind"] = json!("SeiNode");
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
        _ => panic!("{}: refused, bound and stalled exclude each other", row.case),
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

/// The object around the last part of a dotted path; objects on the way are made.
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
