//! State of a rollout of the current template, from the StatefulSet and its pods. The pod's own revision
//! label decides: with OnDelete `status.currentRevision` never changes, so it cannot be used.

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::ResourceExt;

use crate::pods::trouble;

const REVISION: &str = "controller-revision-hash";

/// State of a rollout.
#[derive(Debug, PartialEq)]
pub enum Verdict<'a> {
    /// These pods run an older template.
    Stale(Vec<&'a Pod>),
    /// The pod with the current template exists.
    Current(&'a Pod),
    /// Waiting for something else first.
    Wait(String),
}

/// Evaluates `pods`; only those of `stateful_set` count. The one with UID `outdated` is stale regardless of its
/// template.
pub fn judge<'a>(stateful_set: Option<&StatefulSet>, pods: &'a [Pod], outdated: Option<&str>) -> Verdict<'a> {
    let Some(stateful_set) = stateful_set else {
        return Verdict::Wait("the StatefulSet does not exist".to_owned());
    };
    let name = stateful_set.name_any();
    let status = stateful_set.status.as_ref();
    let seen = status.and_then(|status| status.observed_generation);
    if seen < stateful_set.metadata.generation {
        return Verdict::Wait(format!(
            "StatefulSet {name} has not been observed by the StatefulSet controller yet"
        ));
    }
    let revision = status.and_then(|status| status.update_revision.as_deref()).unwrap_or_default();
    if revision.is_empty() {
        return Verdict::Wait(format!("StatefulSet {name} has no revision yet"));
    }
    let ours = |pod: &&Pod| {
        let owners = pod.metadata.owner_references.iter().flatten();
        owners.into_iter().any(|owner| {
            owner.kind == "StatefulSet" && Some(&owner.uid) == stateful_set.metadata.uid.as_ref()
        })
    };
    let is_current = |pod: &&Pod| {
        let is_outdated = outdated.is_some() && pod.metadata.uid.as_deref() == outdated;
        !is_outdated && pod.labels().get(REVISION).is_some_and(|hash| hash == revision)
    };
    let (current, stale): (Vec<&Pod>, Vec<&Pod>) = pods.iter().filter(ours).partition(is_current);
    if !stale.is_empty() {
        return Verdict::Stale(stale);
    }
    match current.first() {
        Some(pod) if pod.metadata.deletion_timestamp.is_none() => Verdict::Current(pod),
        Some(_) => Verdict::Wait(format!("pod {name}-0 is terminating")),
        None => Verdict::Wait(format!("pod {name}-0 does not exist yet")),
    }
}

/// Why seid is not running in `pod`; `None` if it is running.
pub fn not_running(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref();
    let containers = status.into_iter().flat_map(|status| status.container_statuses.iter().flatten());
    let seid = containers.into_iter().find(|container| container.name == "seid");
    let running = seid.and_then(|seid| seid.state.as_ref()).is_some_and(|state| state.running.is_some());
    if running {
        return None;
    }
    let why = trouble(pod).unwrap_or_else(|| "its containers are being started".to_owned());
    Some(format!("pod {} is not running yet: {why}", pod.name_any()))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn set(observed: i64, update: &str) -> StatefulSet {
        from_value(json!({
            "metadata": {"name": "rpc", "uid": "u", "generation": 3},
            "spec": {"serviceName": "rpc", "selector": {}, "template": {}},
            "status": {"replicas": 1, "observedGeneration": observed, "currentRevision": "a", "updateRevision": update},
        }))
        .unwrap()
    }

    fn pod(revision: &str, owner: &str) -> Pod {
        from_value(json!({"metadata": {
            "name": "rpc-0", "labels": {"controller-revision-hash": revision},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "rpc", "uid": owner}],
        }}))
        .unwrap()
    }

    #[test]
    fn a_pod_is_judged_by_its_own_revision() {
        let back = [pod("b", "u")];
        assert_eq!(judge(Some(&set(3, "a")), &back, None), Verdict::Stale(vec![&back[0]]), "A -> B -> A");
        assert_eq!(judge(Some(&set(3, "b")), &back, None), Verdict::Current(&back[0]));
        let unlabelled = [pod("", "u")];
        assert_eq!(judge(Some(&set(3, "b")), &unlabelled, None), Verdict::Stale(vec![&unlabelled[0]]));
    }

    #[test]
    fn a_rollout_waits_until_the_controller_has_observed_the_template() {
        for (set, pods) in [(set(2, "b"), vec![pod("a", "u")]), (set(3, ""), vec![]), (set(3, "b"), vec![])] {
            assert!(matches!(judge(Some(&set), &pods, None), Verdict::Wait(_)));
        }
        assert!(matches!(judge(None, &[], None), Verdict::Wait(_)));
    }

    #[test]
    fn pods_of_other_owners_are_ignored() {
        assert!(matches!(judge(Some(&set(3, "b")), &[pod("a", "other")], None), Verdict::Wait(_)));
    }
}
