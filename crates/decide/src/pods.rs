//! State of pods: whether they are ready, and what prevents it, as reported by the kubelet and the scheduler.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition};

/// Whether the pod has condition Ready.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready.status == "True") && !is_ending(pod)
}

/// Whether the deletion of the pod was requested.
fn is_ending(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// What prevents a pod from running.
pub(crate) fn trouble(pod: &Pod) -> Option<String> {
    if let Some(since) = &pod.metadata.deletion_timestamp {
        return Some(format!("it has been terminating since {}", since.0));
    }
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() == Some("Failed") {
        let words = [status.reason.as_deref(), status.message.as_deref()].into_iter().flatten();
        return Some(
            format!("it failed: {}", words.collect::<Vec<_>>().join(" "))
                .trim_end_matches([':', ' '])
                .to_owned(),
        );
    }
    if let Some(message) = unscheduled(pod) {
        return Some(format!("not scheduled: {message}"));
    }
    let containers =
        || status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    containers().find_map(waiting).or_else(|| containers().find_map(exited)).or_else(|| {
        let creating = containers().any(|container| waiting_reason(container) == Some("ContainerCreating"));
        let scheduled = condition(pod, "PodScheduled").and_then(|it| it.last_transition_time.as_ref());
        let since = scheduled.map(|time| format!(" since {}", time.0)).unwrap_or_default();
        creating.then(|| format!("its volumes and containers are being created{since} (ContainerCreating); kubectl describe pod shows what is missing"))
    })
}

/// Why the scheduler cannot place a pod, as it reports.
pub(crate) fn unscheduled(pod: &Pod) -> Option<&str> {
    let refused = condition(pod, "PodScheduled").filter(|it| it.status == "False")?;
    Some(refused.message.as_deref().unwrap_or_default())
}

fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.iter().flatten().find(|condition| condition.type_ == type_)
}

fn waiting_reason(container: &ContainerStatus) -> Option<&str> {
    container.state.as_ref()?.waiting.as_ref()?.reason.as_deref()
}

/// Why a container is waiting; waiting for other containers is not a reason.
fn waiting(container: &ContainerStatus) -> Option<String> {
    let reason = waiting_reason(container)?;
    if matches!(reason, "PodInitializing" | "ContainerCreating") {
        return None;
    }
    let message = container.state.as_ref()?.waiting.as_ref()?.message.as_deref().unwrap_or_default();
    let last = last_exit(container).map(|last| format!("; {last}")).unwrap_or_default();
    let text = format!("container {} ({}): {reason} {message}", container.name, container.image);
    Some(format!("{}{last}", text.trim_end()))
}

/// How a container that is not ready again yet last exited.
fn exited(container: &ContainerStatus) -> Option<String> {
    let last = last_exit(container).filter(|_| !container.ready)?;
    Some(format!(
        "container {} ({}) restarted {} times; {last}",
        container.name, container.image, container.restart_count
    ))
}

fn last_exit(container: &ContainerStatus) -> Option<String> {
    let exit = container.last_state.as_ref()?.terminated.as_ref()?;
    Some(format!(
        "its last exit code is {} ({})",
        exit.exit_code,
        exit.reason.as_deref().unwrap_or("no reason")
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(deleted: bool, status: Value) -> Pod {
        let mut metadata = json!({ "name": "rpc-0-0" });
        if deleted {
            metadata["deletionTimestamp"] = "2027-01-01T00:00:00Z".into();
        }
        serde_json::from_value(json!({ "metadata": metadata, "status": status })).unwrap()
    }

    fn container(state: Value, last: Value, restarts: i64) -> Value {
        json!({ "name": "seid", "image": "i", "imageID": "", "ready": false, "restartCount": restarts,
            "state": state, "lastState": last })
    }

    #[test]
    fn a_pod_that_is_not_running_has_a_reason() {
        let ended = json!({ "terminated": { "exitCode": 1, "reason": "Error" } });
        let unscheduled =
            json!({ "type": "PodScheduled", "status": "False", "message": "0/3 nodes are available" });
        let scheduled =
            json!({ "type": "PodScheduled", "status": "True", "lastTransitionTime": "2027-01-01T00:00:00Z" });
        for (deleted, status, expected) in [
            (true, json!({ "phase": "Running" }), "terminating since 2027"),
            (
                false,
                json!({ "phase": "Failed", "reason": "Evicted", "message": "disk" }),
                "failed: Evicted disk",
            ),
            (false, json!({ "conditions": [unscheduled] }), "not scheduled: 0/3 nodes"),
            (
                false,
                json!({ "containerStatuses": [container(
                    json!({ "waiting": { "reason": "ImagePullBackOff", "message": "no such image" } }), json!({}), 0)] }),
                "ImagePullBackOff no such image",
            ),
            (
                false,
                json!({ "conditions": [scheduled], "containerStatuses": [container(
                    json!({ "waiting": { "reason": "ContainerCreating" } }), json!({}), 0)] }),
                "since 2027-01-01T00:00:00Z (ContainerCreating)",
            ),
            (
                false,
                json!({ "containerStatuses": [container(
                    json!({ "waiting": { "reason": "CrashLoopBackOff" } }), ended.clone(), 3)] }),
                "CrashLoopBackOff; its last exit code is 1 (Error)",
            ),
            (
                false,
                json!({ "containerStatuses": [container(json!({ "running": {} }), ended, 3)] }),
                "restarted 3 times; its last exit code is 1 (Error)",
            ),
        ] {
            let found = trouble(&pod(deleted, status));
            assert!(found.as_deref().is_some_and(|found| found.contains(expected)), "{expected}: {found:?}");
        }
    }

    #[test]
    fn a_running_pod_has_no_problem() {
        let running = container(json!({ "running": {} }), json!({}), 0);
        let ready = json!({ "type": "Ready", "status": "True" });
        let pod =
            pod(false, json!({ "phase": "Running", "conditions": [ready], "containerStatuses": [running] }));
        assert_eq!(trouble(&pod), None);
        assert!(is_ready(&pod));
    }
}
