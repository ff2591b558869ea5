//! The records of a sidecar, and which work must not be in them twice.

use sei_decide::attempt::{self, State};
use sei_testkit::sidecar::{Record, Status};
use serde_json::Value;

use crate::sidecar::Order;

/// Tasks that may run twice at the same time.
const REPEATABLE: [&str; 2] = ["mark-ready", "config-validate"];

/// How many tasks of a type with the same parameters may complete on a volume.
fn runs_of(type_: &str) -> usize {
    match type_ {
        // In a bootstrap once by the Job and once by the node.
        "configure-genesis" => 2,
        "snapshot-restore"
        | "configure-state-sync"
        | "generate-identity"
        | "generate-gentx"
        | "upload-genesis-artifacts"
        | "assemble-and-upload-genesis"
        | "snapshot-upload" => 1,
        _ => usize::MAX,
    }
}

/// Why the submission of a task with these parameters repeats what another one of `records` did or does.
pub fn repeats(records: &[Record], order: &Order, params: Option<&Value>) -> Option<String> {
    let (type_, params) = (order.type_.as_str(), params.and_then(Value::as_object));
    let others = records.iter().filter(|record| record.id != order.id && record.type_ == type_);
    let same: Vec<_> = others.filter(|record| record.params == params.cloned().unwrap_or_default()).collect();
    let completed = same.iter().filter(|record| record.status == Status::Completed).count();
    let is_running = same.iter().any(|record| record.status == Status::Running);
    let is_repeated = (is_running && !REPEATABLE.contains(&type_)) || completed >= runs_of(type_);
    is_repeated.then(|| format!("{type_} is submitted as {} beside {same:#?}", order.id))
}

/// The record in the answer to a query; `None` if the task is not known.
pub fn read(record: &Value) -> Option<attempt::Record> {
    let state = match record["status"].as_str()? {
        "completed" => State::Completed,
        "failed" => State::Failed,
        _ => State::Running,
    };
    Some(attempt::Record {
        state,
        run: record["run"].as_i64(),
        error: record["error"].as_str().map(str::to_owned),
        is_endless: record["type"] == "snapshot-upload",
    })
}
