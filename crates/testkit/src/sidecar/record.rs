//! Task records, and what a submission must look like.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Every type the server knows.
const TYPES: &[&str] = &[
    "snapshot-restore",
    "configure-genesis",
    "config-apply",
    "config-patch",
    "config-reload",
    "discover-peers",
    "configure-state-sync",
    "config-validate",
    "mark-ready",
    "snapshot-upload",
    "result-export",
    "generate-identity",
    "generate-gentx",
    "upload-genesis-artifacts",
    "set-genesis-peers",
    "assemble-and-upload-genesis",
    "await-condition",
];

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its handler runs.
    Running,
    /// Its handler ended well.
    Completed,
    /// Its handler ended with an error.
    Failed,
}

/// What a sidecar knows of a task, in the form in which it tells it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Given by the client, or made up.
    pub id: Uuid,
    /// Type.
    #[serde(rename = "type")]
    pub type_: String,
    /// How far it is.
    pub status: Status,
    /// How often its handler was started because of a submission.
    pub run: u32,
    /// As submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    /// Of a failed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was submitted last.
    pub submitted_at: Timestamp,
    /// When its handler ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

impl Record {
    /// The task that a request body asks for, as run 1, or what is wrong with it in the server's words and order.
    /// `knows` which of the types this version has.
    pub(super) fn of_request(body: &[u8], knows: impl Fn(&str) -> bool) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body).map_err(|_| "invalid request body".to_owned())?;
        let type_ = body["type"].as_str().filter(|type_| !type_.is_empty()).ok_or("type is required")?;
        if !TYPES.contains(&type_) || !knows(type_) {
            return Err(format!("unknown task type: {type_}"));
        }
        let id = match body["id"].as_str() {
            Some(id) => Uuid::parse_str(id).map_err(|_| format!("id {id:?} must be a valid UUID"))?,
            None => Uuid::new_v4(),
        };
        Ok(Self {
            id,
            type_: type_.to_owned(),
            status: Status::Running,
            run: 1,
            params: body.get("params").filter(|params| !params.is_null()).cloned(),
            error: None,
            submitted_at: Timestamp::now(),
            completed_at: None,
        })
    }
}
