//! Task records, and the format of submissions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// State of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its handler is running.
    Running,
    /// Its handler succeeded.
    Completed,
    /// Its handler failed.
    Failed,
}

/// A sidecar's record of a task, in the form of its API.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// As sent by the client, or random.
    pub id: String,
    /// Type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its state.
    pub status: Status,
    /// How often a submission started its handler.
    pub run: u32,
    /// As submitted.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// Result of its handler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Error of a failed task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was last submitted.
    pub submitted_at: Timestamp,
    /// When its handler ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

impl Record {
    /// The task of a request body, as run 1, or the server's reason for rejecting it. The checks are in the
    /// server's order: the type is looked up before the ID is parsed.
    pub(super) fn of_request(body: &[u8], knows: impl Fn(&str) -> bool) -> Result<Self, String> {
        let Request { id, type_, params } = Request::decode(body).ok_or("invalid request body")?;
        if type_.is_empty() {
            return Err("type is required".to_owned());
        }
        if !knows(&type_) {
            return Err(format!("unknown task type: {type_}"));
        }
        if !id.is_empty() && Uuid::parse_str(&id).is_err() {
            return Err(format!("task ID must be a valid UUID: {id:?}"));
        }
        Ok(Self {
            id: if id.is_empty() { Uuid::new_v4().to_string() } else { id },
            type_,
            status: Status::Running,
            run: 1,
            params,
            result: None,
            error: None,
            submitted_at: Timestamp::now(),
            completed_at: None,
        })
    }
}

/// A body as decoded by Go: only the first JSON value counts, keys are case-insensitive, null counts as
/// absent, and invalid UTF-8 is replaced.
#[derive(Default)]
struct Request {
    id: String,
    type_: String,
    params: Map<String, Value>,
}

impl Request {
    fn decode(body: &[u8]) -> Option<Self> {
        let body = String::from_utf8_lossy(body);
        let first = serde_json::Deserializer::from_str(&body).into_iter().next()?.ok()?;
        let mut request = Self::default();
        let members = match first {
            Value::Object(members) => members,
            Value::Null => return Some(request),
            _ => return None,
        };
        for (key, value) in members {
            match (key.to_ascii_lowercase().as_str(), value) {
                (_, Value::Null) => {}
                ("id", Value::String(id)) => request.id = id,
                ("type", Value::String(type_)) => request.type_ = type_,
                ("params", Value::Object(params)) => request.params = params,
                ("id" | "type" | "params", _) => return None,
                _ => {}
            }
        }
        Some(request)
    }
}
