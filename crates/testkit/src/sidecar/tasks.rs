//! Task records: what a submission does to them, and how handlers end.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Sidecar, Sidecars, lock};

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

#[derive(Clone)]
pub(super) struct Task {
    pub(super) type_: String,
    params: Option<Value>,
    status: &'static str,
    pub(super) run: u32,
    error: Option<String>,
    submitted_at: Timestamp,
    completed_at: Option<Timestamp>,
}

impl Task {
    pub(super) fn is_running(&self) -> bool {
        self.status == "running"
    }

    pub(super) fn record(&self, id: Uuid) -> Value {
        let mut record = json!({
            "id": id,
            "type": self.type_,
            "status": self.status,
            "run": self.run,
            "submittedAt": self.submitted_at.to_string(),
        });
        let completed_at = self.completed_at.map(|at| Value::from(at.to_string()));
        for (key, value) in [
            ("params", self.params.clone()),
            ("error", self.error.clone().map(Value::from)),
            ("completedAt", completed_at),
        ] {
            if let Some(value) = value {
                record[key] = value;
            }
        }
        record
    }
}

/// What is wrong with a submission, in the server's words and order.
pub(super) fn submit(sidecars: &Sidecars, host: &str, body: &[u8]) -> Result<Uuid, String> {
    let body: Value = serde_json::from_slice(body).map_err(|_| "invalid request body".to_owned())?;
    let type_ = body["type"].as_str().filter(|type_| !type_.is_empty()).ok_or("type is required")?;
    let unknown = lock(sidecars).get(host).is_some_and(|sidecar| sidecar.faults.unknown.contains(type_));
    if unknown || !TYPES.contains(&type_) {
        return Err(format!("unknown task type: {type_}"));
    }
    let id = match body["id"].as_str() {
        Some(id) => Uuid::parse_str(id).map_err(|_| format!("id {id:?} must be a valid UUID"))?,
        None => Uuid::new_v4(),
    };
    let params = body.get("params").filter(|params| !params.is_null()).cloned();
    let start = {
        let mut sidecars = lock(sidecars);
        let tasks = &mut sidecars.entry(host.to_owned()).or_default().tasks;
        let run = match tasks.get(&id) {
            Some(task) if task.status != "failed" => return Ok(id),
            Some(task) => task.run + 1,
            None => 1,
        };
        let task = Task {
            type_: type_.to_owned(),
            params,
            status: "running",
            run,
            error: None,
            submitted_at: Timestamp::now(),
            completed_at: None,
        };
        tasks.insert(id, task);
        id
    };
    execute(sidecars, host, start);
    Ok(id)
}

/// Runs the handler of a task: it ends after a while, unless it is one that never does.
pub(super) fn execute(sidecars: &Sidecars, host: &str, id: Uuid) {
    let (sidecars, host) = (Arc::clone(sidecars), host.to_owned());
    tokio::spawn(async move {
        let delay = {
            let mut sidecars = lock(&sidecars);
            let sidecar = sidecars.entry(host.clone()).or_default();
            let Some(task) = sidecar.tasks.get(&id) else { return };
            if sidecar.faults.stuck.contains(&task.type_) {
                return;
            }
            sidecar.faults.delay
        };
        tokio::time::sleep(delay).await;
        end(lock(&sidecars).entry(host).or_default(), id);
    });
}

fn end(sidecar: &mut Sidecar, id: Uuid) {
    // A process that ended meanwhile runs the task again when it is back.
    let Some(task) = sidecar.tasks.get_mut(&id).filter(|task| sidecar.running && task.is_running()) else {
        return;
    };
    task.completed_at = Some(Timestamp::now());
    task.error = failure(&mut sidecar.faults.fail, &task.type_).or_else(|| {
        let bucket = sidecar.bucket.as_ref()?;
        bucket.serve(&task.type_, task.params.as_ref()).err()
    });
    task.status = if task.error.is_some() { "failed" } else { "completed" };
    if task.status == "completed" && task.type_ == "mark-ready" {
        sidecar.ready.send_replace(true);
    }
}

fn failure(faults: &mut BTreeMap<String, (u32, String)>, type_: &str) -> Option<String> {
    let (left, error) = faults.get_mut(type_)?;
    *left = left.checked_sub(1)?;
    Some(error.clone())
}
