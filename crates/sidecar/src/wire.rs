//! Messages of the sidecar's API, version 0.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::text;

/// Body of `POST /v0/tasks`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskRequest {
    /// Id chosen by the caller; the same id is the same task.
    pub id: Uuid,
    /// Task type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Parameters; left out, not null, when a task has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
}

/// What the sidecar knows of a task.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskRecord {
    /// Its id.
    pub id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// How far it is.
    pub status: TaskState,
    /// How often it was started; not part of the published schema.
    #[serde(default)]
    pub run: Option<i64>,
    /// Why it failed, cut to a bounded length.
    #[serde(default, deserialize_with = "text::deserialize")]
    pub error: Option<String>,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// Done.
    Completed,
    /// Ended with an error. A submission of the same id runs it again.
    Failed,
    /// Under way; also what is not known by this version.
    #[serde(other)]
    Running,
}

/// Answer of `/v0/healthz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// A mark-ready task has completed since the sidecar started.
    Ready,
    /// None has.
    NotReady,
}

/// Answer to a submission.
#[derive(Deserialize)]
pub(crate) struct Submitted {
    pub(crate) id: Uuid,
}

/// Answer of `/v0/node-id`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeId {
    pub(crate) node_id: String,
}

/// Whether `text` is the ID of a node in the peer-to-peer network.
pub(crate) fn is_node_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Body of an error.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    pub(crate) error: String,
}

/// Whether the newest of the tasks that change readiness, among `records` with the newest submission first, is a
/// `mark-not-ready` that did not fail.
pub(crate) fn is_held(records: &[TaskRecord]) -> bool {
    let newest =
        records.iter().find(|record| matches!(record.type_.as_str(), "mark-ready" | "mark-not-ready"));
    newest.is_some_and(|record| record.type_ == "mark-not-ready" && record.status != TaskState::Failed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn records(rows: &[(&str, &str)]) -> Vec<TaskRecord> {
        let row = |(type_, status): &(&str, &str)| {
            let row = json!({ "id": Uuid::nil(), "type": type_, "status": status, "params": {} });
            serde_json::from_value(row).unwrap()
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn the_newest_change_of_readiness_decides_about_a_hold() {
        for (rows, held) in [
            (&[][..], false),
            (&[("mark-ready", "completed")], false),
            (&[("mark-not-ready", "completed")], true),
            (&[("mark-not-ready", "running")], true),
            (&[("mark-not-ready", "failed")], false),
            (
                &[
                    ("config-apply", "completed"),
                    ("mark-not-ready", "completed"),
                    ("mark-ready", "completed"),
                ],
                true,
            ),
            (&[("mark-ready", "completed"), ("mark-not-ready", "completed")], false),
            (&[("mark-ready", "failed"), ("mark-not-ready", "completed")], false),
        ] {
            assert_eq!(is_held(&records(rows)), held, "{rows:?}");
        }
    }
}
