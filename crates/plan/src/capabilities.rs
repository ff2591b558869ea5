//! What a sidecar can do, by the task types that it supports: fleets pin digests, which do not reveal a release.

use sei_api::SeiNode;

use crate::{OfKind, Plan, TaskKind};

/// Supported by sidecars before v0.0.57, which resolve EC2 instances.
pub const DISCOVER_PEERS: &str = "discover-peers";
/// Since v0.0.56: the first type after RPC servers are used as witnesses, which is since v0.0.55.
pub const RESTART_SEID: &str = "restart-seid";
/// Since v0.0.64: the first type after witnesses on port 443 are queried with HTTPS, which is since v0.0.61.
pub const MARK_NOT_READY: &str = "mark-not-ready";
/// Since v0.0.50: introduced together with the overrides of a genesis.
pub const GOV_VOTE: &str = "gov-vote";

/// Task types that determine how the spec of `node` takes effect.
pub fn relevant_task_types(node: &SeiNode) -> Vec<&'static str> {
    let uses_tags = node.spec.peers.iter().flatten().any(|source| source.ec2_tags.is_some());
    let syncs = Plan::load(node)
        .is_some_and(|plan| plan.stored().tasks.iter().any(|task| task.is(TaskKind::ConfigureStateSync)));
    let types =
        [uses_tags.then_some(DISCOVER_PEERS), syncs.then_some(RESTART_SEID), syncs.then_some(MARK_NOT_READY)];
    types.into_iter().flatten().collect()
}

/// Whether a witness is queried with HTTPS, by sidecars that support it.
pub fn is_secure(server: &str) -> bool {
    server.ends_with(":443")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_what_the_spec_or_the_plan_depends_on_is_relevant() {
        let of = |spec: Value, tasks: Value| {
            let mut all = json!({ "chainId": "c", "image": "i", "fullNode": {} });
            all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
            let plan = json!({ "id": "p", "phase": "Active", "tasks": tasks });
            let metadata = json!({ "name": "node-0", "resourceVersion": "1" });
            let node = json!({ "metadata": metadata, "spec": all, "status": { "plan": plan } });
            relevant_task_types(&serde_json::from_value(node).unwrap())
        };
        let task = |type_: &str| json!([{ "type": type_, "id": "1", "status": "Pending" }]);
        let tags = json!({ "peers": [{ "ec2Tags": { "region": "r", "tags": { "a": "b" } } }] });
        assert_eq!(of(json!({}), task("mark-ready")), [""; 0]);
        assert_eq!(of(tags, task("mark-ready")), [DISCOVER_PEERS]);
        assert_eq!(of(json!({}), task("configure-state-sync")), [RESTART_SEID, MARK_NOT_READY]);
    }
}
