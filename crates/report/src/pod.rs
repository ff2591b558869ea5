//! The pod of a node, container by container.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use serde::Serialize;

/// The pod of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodLine {
    /// Its name.
    pub name: String,
    /// The machine that it runs on.
    pub machine: Option<String>,
    /// Its phase.
    pub phase: String,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Its containers, init containers first.
    pub containers: Vec<ContainerLine>,
}

/// One container.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerLine {
    /// Its name.
    pub name: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Its state, with the reason: `running`, `waiting: ImagePullBackOff`, `terminated: Error (exit code 1)`.
    pub state: String,
    /// How many times it was restarted.
    pub restarts: i32,
}

impl PodLine {
    pub(crate) fn of(pod: &Pod) -> Self {
        let status = pod.status.as_ref();
        let init = status.and_then(|it| it.init_container_statuses.as_deref()).unwrap_or_default();
        let main = status.and_then(|it| it.container_statuses.as_deref()).unwrap_or_default();
        let phase = match pod.metadata.deletion_timestamp {
            Some(_) => "Terminating".to_owned(),
            None => status.and_then(|it| it.phase.clone()).unwrap_or_else(|| "Unknown".to_owned()),
        };
        Self {
            name: pod.metadata.name.clone().unwrap_or_default(),
            machine: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            phase,
            created_at: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
            containers: init.iter().chain(main).map(ContainerLine::of).collect(),
        }
    }
}

impl ContainerLine {
    fn of(container: &ContainerStatus) -> Self {
        Self {
            name: container.name.clone(),
            ready: container.ready,
            state: state(container),
            restarts: container.restart_count,
        }
    }
}

fn state(container: &ContainerStatus) -> String {
    let Some(state) = &container.state else { return "unknown".to_owned() };
    let because = |word: &str, reason: Option<&str>| match reason {
        Some(reason) => format!("{word}: {reason}"),
        None => word.to_owned(),
    };
    if let Some(waiting) = &state.waiting {
        because("waiting", waiting.reason.as_deref())
    } else if let Some(ended) = &state.terminated {
        format!("{} (exit code {})", because("terminated", ended.reason.as_deref()), ended.exit_code)
    } else {
        "running".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_container_has_its_state_with_the_reason() {
        let container = |name: &str, state: serde_json::Value| json!({ "name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 2, "state": state });
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "rpc-0-0" },
            "status": { "phase": "Pending",
                "initContainerStatuses": [container("init", json!({ "terminated": { "exitCode": 0, "reason": "Completed" } }))],
                "containerStatuses": [
                    container("seid", json!({ "waiting": { "reason": "ImagePullBackOff" } })),
                    container("sidecar", json!({ "running": {} })),
                ] },
        }))
        .unwrap();
        let states: Vec<_> = PodLine::of(&pod).containers.into_iter().map(|it| it.state).collect();
        assert_eq!(states, ["terminated: Completed (exit code 0)", "waiting: ImagePullBackOff", "running"]);
    }
}
