//! Whether an existing bootstrap Job can be used by a plan.

use k8s_openapi::api::batch::v1::Job;
use sei_plan::{Persisted, Plan, TaskKind};

use crate::objects::{JobState, job_state};

/// Whether `plan` continues with `live`, a Job of the node, instead of creating `wanted`. Otherwise `live` is replaced:
/// it failed, it was created from another spec, or it completed on another volume, since a Job completes only after its
/// volume was restored.
pub fn is_usable(live: &Job, wanted: &Job, plan: &Plan<Persisted>) -> bool {
    match job_state(live) {
        JobState::Complete => plan.is_done(TaskKind::SnapshotRestore),
        JobState::Failed(_) => false,
        JobState::Running => programs(live) == programs(wanted),
    }
}

/// What distinguishes a Job from one that was created from another spec, or by the Go controller, which adds no proxy:
/// the image of seid, and the other containers.
fn programs(job: &Job) -> Option<(Option<&str>, Vec<&str>)> {
    let pod = job.spec.as_ref()?.template.spec.as_ref()?;
    let seid = pod.containers.iter().find(|container| container.name == "seid");
    let beside = pod.init_containers.iter().flatten().map(|container| container.name.as_str());
    Some((seid.and_then(|seid| seid.image.as_deref()), beside.collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(image: &str, beside: &[&str], ended: Option<&str>) -> Job {
        let beside: Vec<_> = beside.iter().map(|name| json!({ "name": name })).collect();
        let pod = json!({ "containers": [{ "name": "seid", "image": image }], "initContainers": beside });
        let conditions: Vec<_> = ended.iter().map(|end| json!({ "type": end, "status": "True" })).collect();
        let job = json!({ "spec": { "template": { "spec": pod } }, "status": { "conditions": conditions } });
        serde_json::from_value(job).unwrap()
    }

    fn plan(restore: &str) -> Plan<Persisted> {
        let tasks = json!([
            { "type": "deploy-bootstrap-job", "id": "1", "status": "Pending" },
            { "type": "snapshot-restore", "id": "2", "status": restore },
        ]);
        let node = json!({
            "metadata": { "name": "node-0", "resourceVersion": "1" },
            "spec": { "chainId": "c", "image": "i", "fullNode": {} },
            "status": { "plan": { "id": "p", "phase": "Active", "tasks": tasks } },
        });
        Plan::load(&serde_json::from_value(node).unwrap()).unwrap()
    }

    #[test]
    fn a_job_that_completed_on_another_volume_is_replaced() {
        let (wanted, complete) = (job("a", &[], None), job("a", &[], Some("Complete")));
        assert!(!is_usable(&complete, &wanted, &plan("Pending")), "this volume is not restored yet");
        assert!(is_usable(&complete, &wanted, &plan("Complete")));
    }

    #[test]
    fn a_job_that_failed_or_runs_another_spec_is_replaced() {
        let wanted = job("a", &["sei-sidecar", "kube-rbac-proxy"], None);
        let done = plan("Complete");
        assert!(is_usable(&wanted, &wanted, &done));
        assert!(!is_usable(&job("a", &["sei-sidecar", "kube-rbac-proxy"], Some("Failed")), &wanted, &done));
        assert!(!is_usable(&job("b", &["sei-sidecar", "kube-rbac-proxy"], None), &wanted, &done));
        assert!(!is_usable(&job("a", &["sei-sidecar"], None), &wanted, &done), "the Go controller's");
    }
}
