//! Messages of the sidecar's API, version 0.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::text;

/// Body of `POST /v0/tasks`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskRequest {
    /// ID chosen by the caller; the same id is the same task.
    pub id: Uuid,
    /// Task type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Parameters; omitted, not null, when a task has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
}

/// The sidecar's record of a task.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskRecord {
    /// Its id.
    pub id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its state.
    pub status: TaskState,
    /// How many times it was started; not part of the published schema.
    #[serde(default)]
    pub run: Option<i64>,
    /// Why it failed, truncated.
    #[serde(default, deserialize_with = "text::deserialize")]
    pub error: Option<String>,
    /// The result, in releases since v0.0.59.
    #[serde(default, deserialize_with = "known_result")]
    pub result: Option<TaskResult>,
}

/// The result of a task: the known fields of all types, with truncated texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskResult {
    /// Outcome of an upload: `uploaded`, `noop` or `error`.
    #[serde(default, deserialize_with = "text::deserialize")]
    pub outcome: Option<String>,
    /// Why nothing was uploaded.
    #[serde(default, deserialize_with = "text::deserialize")]
    pub noop_reason: Option<String>,
    /// Height of the uploaded snapshot, or of the block with a transaction.
    #[serde(default, deserialize_with = "storable")]
    pub height: Option<i64>,
    /// Key of an uploaded snapshot.
    #[serde(default, deserialize_with = "text::deserialize")]
    pub key: Option<String>,
    /// Hash of a transaction.
    #[serde(default, deserialize_with = "text::deserialize")]
    pub tx_hash: Option<String>,
    /// Whether the transaction is in a block: `committed_ok`, `committed_failed`, `pending` or `unverifiable`.
    #[serde(default, deserialize_with = "text::deserialize")]
    pub inclusion_status: Option<String>,
    /// Number of a proposal.
    #[serde(default, deserialize_with = "storable")]
    pub proposal_id: Option<i64>,
    /// SHA-256 of an assembled genesis, in hexadecimal.
    #[serde(default, deserialize_with = "text::deserialize")]
    pub genesis_hash: Option<String>,
}

/// A result of an unknown form is ignored: only the state of the task matters.
fn known_result<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TaskResult>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}

/// A number that a status has room for: neither negative nor too large for tools that read numbers as doubles. Any
/// other number is ignored, since the API server would reject the whole status.
fn storable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    const MOST: i64 = (1 << 53) - 1;
    Ok(Option::<i64>::deserialize(deserializer)?.filter(|number| (0..=MOST).contains(number)))
}

/// State of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// Completed.
    Completed,
    /// Failed. Submitting the same ID runs it again.
    Failed,
    /// Running; also any state unknown to this version.
    #[serde(other)]
    Running,
}

/// Response of `/v0/healthz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// A mark-ready task has completed since the sidecar started.
    Ready,
    /// No mark-ready task has completed since the sidecar started.
    NotReady,
}

/// Response to a submission.
#[derive(Deserialize)]
pub(crate) struct Submitted {
    pub(crate) id: Uuid,
}

/// Response of `/v0/node-id`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeId {
    pub(crate) node_id: String,
}

/// Whether `text` is the ID of a node in the peer-to-peer network.
pub(crate) fn is_node_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Body of an error response.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    pub(crate) error: String,
}

/// An entry of the list of tasks. Tasks of other clients and later releases may have records of another form.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "type")]
    type_: String,
    status: TaskState,
}

/// Whether the newest task that changes readiness is a `mark-not-ready` that did not fail. `records` are
/// sorted by submission, newest first; those that cannot be decoded are left out.
pub(crate) fn is_held(records: &[Value]) -> bool {
    let mut listed = records.iter().filter_map(|record| Listed::deserialize(record).ok());
    let newest = listed.find(|record| matches!(record.type_.as_str(), "mark-ready" | "mark-not-ready"));
    newest.is_some_and(|record| record.type_ == "mark-not-ready" && record.status != TaskState::Failed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn records(rows: &[(&str, &str)]) -> Vec<Value> {
        let row = |(type_, status): &(&str, &str)| json!({ "id": "a", "type": type_, "status": status });
        rows.iter().map(row).chain([json!("another form"), json!({ "type": 7 })]).collect()
    }

    #[test]
    fn numbers_that_no_status_has_room_for_count_as_none_and_the_rest_of_the_result_stays() {
        for (number, expected) in [
            (json!(-1), None),
            (json!(0), Some(0)),
            (json!((1_i64 << 53) - 1), Some((1 << 53) - 1)),
            (json!(1_i64 << 53), None),
            (json!(i64::MIN), None),
        ] {
            let result = json!({ "outcome": "uploaded", "height": number, "proposalId": number });
            let record = json!({ "id": Uuid::nil(), "type": "a", "status": "completed", "result": result });
            let result = serde_json::from_value::<TaskRecord>(record).unwrap().result.unwrap();
            assert_eq!((result.height, result.proposal_id), (expected, expected), "{number}");
            assert_eq!(result.outcome.as_deref(), Some("uploaded"));
        }
    }

    #[test]
    fn only_the_newest_readiness_task_decides_whether_a_node_is_held() {
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
