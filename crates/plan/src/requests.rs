//! The requests that a plan will send to the sidecar, for display in advance.

use sei_api::v1alpha1::TaskPlan;
use serde_json::{Value, json};

use crate::{Task, TaskError};

/// Index in the plan and body of the POST of every sidecar task. A task without any peers is omitted.
///
/// # Errors
/// The first [`TaskError`] that no attempt can resolve.
pub fn sidecar_requests(plan: &TaskPlan, label_peers: &[String]) -> Result<Vec<(usize, Value)>, TaskError> {
    let mut requests = Vec::new();
    for (index, planned) in plan.tasks.iter().enumerate() {
        let Task::Sidecar(task) = Task::read(planned)? else { continue };
        let params = match task.request_params(label_peers) {
            Err(TaskError::NoPeers) => continue,
            params => params?,
        };
        let mut body = json!({ "id": planned.id, "type": planned.type_ });
        if let Some(params) = params {
            body["params"] = params;
        }
        requests.push((index, body));
    }
    Ok(requests)
}
