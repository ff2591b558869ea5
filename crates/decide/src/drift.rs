//! Drift of the objects that a plan has created. Differences caused by a changed spec or operator wait for the next
//! update plan; changes and deletions by other clients are reverted.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Service},
};
use kube::Resource;
use sei_api::{
    SeiNode, labels, names,
    v1alpha1::{NodePhase, PlanPhase, TaskStatus},
};
use sei_plan::{OfKind, TaskKind};
use sei_render::{Rendering, drift::differences};
use serde::Serialize;

use crate::{
    in_sync::InSync,
    observed::{Children, Observed},
    ownership::Ownership,
    pods::is_ready,
    repair::{Overridden, Repair},
};

/// Drift of the objects of a node.
#[derive(Default)]
pub(crate) struct Drift {
    /// The pending repairs.
    pub(crate) repairs: Vec<Repair>,
    /// An object with another owner that has a name the node needs.
    pub(crate) foreign: Option<String>,
    /// Fields whose repair does not last.
    pub(crate) overridden: Vec<Overridden>,
    /// The objects without drift.
    pub(crate) in_sync: Vec<InSync>,
}

/// Compares the live objects with the rendered ones. If the spec cannot be rendered, only the owners are checked.
pub(crate) fn find(observed: &Observed, rendering: &Rendering<'_>) -> Drift {
    let node = &*observed.node;
    let children = &observed.children;
    let rendered = || rendering.objects().ok();
    let mut drift = Drift::default();
    if node.spec.is_paused() {
        drift.repairs.extend(stop(node, rendering, children));
        return drift;
    }
    let by = TaskKind::ApplyStatefulSet;
    if should_exist(node, by) {
        let wanted = || Some(&rendered()?.stateful_set);
        let live = children.stateful_set.as_deref();
        let verdict = match compare(observed, by, wanted, live) {
            // Its template may lag behind the spec intentionally.
            Verdict::Drifted(_, paths) if live.is_some_and(|live| lags(&paths, live)) => {
                Verdict::InSync(live.and_then(|live| InSync::of(live, by, node)))
            }
            verdict => verdict,
        };
        let repair = |wanted: &StatefulSet| Repair::StatefulSet(Box::new(wanted.clone()));
        drift.take(observed, "StatefulSet", names::stateful_set(node), verdict, repair);
    }
    let by = if in_bootstrap(node) { TaskKind::DeployBootstrapService } else { TaskKind::ApplyService };
    if should_exist(node, by) {
        let wanted = || match in_bootstrap(node) {
            true => rendered()?.bootstrap_service.as_ref(),
            false => Some(&rendered()?.service),
        };
        let verdict = compare(observed, by, wanted, children.service.as_deref());
        let repair = |wanted: &Service| Repair::Service(Box::new(wanted.clone()));
        drift.take(observed, "Service", names::stateful_set(node), verdict, repair);
    }
    let by = TaskKind::ApplyRbacProxyConfig;
    if should_exist(node, by) && node.spec.tls().is_some() {
        let wanted = || rendered()?.rbac_proxy_config.as_ref();
        let verdict = compare(observed, by, wanted, children.config_map.as_deref());
        let repair = |wanted: &ConfigMap| Repair::ConfigMap(Box::new(wanted.clone()));
        drift.take(observed, "ConfigMap", names::rbac_proxy_config(node), verdict, repair);
    }
    drift
}

/// The StatefulSet of a stopped node that still has a pod. Otherwise a paused node is not changed.
fn stop(node: &SeiNode, rendering: &Rendering<'_>, children: &Children) -> Option<Repair> {
    let live = children.stateful_set.as_deref()?;
    let is_scaled = live.spec.as_ref().and_then(|spec| spec.replicas) == Some(0);
    let is_due = node.spec.is_stopped() && !is_scaled && Ownership::of(live, node) == Ownership::Own;
    let rendered = if is_due { rendering.objects().ok() } else { None };
    rendered.map(|rendered| Repair::StatefulSet(Box::new(rendered.stateful_set.clone())))
}

impl Drift {
    fn take<K>(
        &mut self,
        observed: &Observed,
        kind: &str,
        name: String,
        verdict: Verdict<'_, K>,
        repair: impl Fn(&K) -> Repair,
    ) {
        match verdict {
            Verdict::InSync(version) => self.in_sync.extend(version),
            Verdict::Drifted(wanted, paths) => {
                let known = observed.overridden.iter().find(|it| it.kind == kind && it.paths == paths);
                match known {
                    Some(known) => self.overridden.push(known.clone()),
                    None => self.repairs.push(repair(wanted)),
                }
            }
            Verdict::Foreign => {
                self.foreign = Some(format!(
                    "{kind} {name} is not controlled by this SeiNode: delete it, and the operator recreates it"
                ));
            }
        }
    }
}

/// The claim of a node that has caught up, if it is not marked as initialized yet: the next SeiNode that uses
/// it has nothing to restore.
pub(crate) fn unmarked_claim(observed: &Observed) -> Option<Repair> {
    let node = &*observed.node;
    if node.spec.is_paused() {
        return None;
    }
    let claim = observed.claim.as_ref().filter(|claim| !claim.has_state && claim.deleted_at.is_none())?;
    let is_ours = claim.is_owned || names::imported_claim(node).is_some();
    let has_caught_up = node.status.as_ref().and_then(|status| status.phase) == Some(NodePhase::Running)
        && observed.children.pod.as_deref().is_some_and(is_ready);
    (is_ours && has_caught_up).then(|| Repair::ClaimMark(claim.clone()))
}

/// The claim of the node if its owner reference does not match the requested retention.
pub(crate) fn claim_retention(observed: &Observed) -> Option<Repair> {
    let claim = observed.claim.as_ref().filter(|claim| claim.is_owned && claim.deleted_at.is_none())?;
    let is_wanted = observed.node.spec.retains_data();
    let is_own = names::imported_claim(&observed.node).is_none();
    (is_own && claim.is_retained != is_wanted).then(|| Repair::ClaimRetention(claim.clone()))
}

/// Whether the object that tasks of this kind write should exist: always for a Running node, and before that as soon
/// as the first plan has written it.
fn should_exist(node: &SeiNode, by: TaskKind) -> bool {
    let status = node.status.as_ref();
    let plan = status.and_then(|status| status.plan.as_ref()).filter(|plan| plan.phase == PlanPhase::Active);
    status.and_then(|status| status.phase) == Some(NodePhase::Running)
        || plan.is_some_and(|plan| {
            plan.tasks.iter().any(|task| task.is(by) && task.status == TaskStatus::Complete)
        })
}

/// Whether the current Service is that of the bootstrap: as is the case until the Job has ended.
fn in_bootstrap(node: &SeiNode) -> bool {
    should_exist(node, TaskKind::DeployBootstrapService)
        && !should_exist(node, TaskKind::AwaitBootstrapComplete)
        && !should_exist(node, TaskKind::ApplyService)
}

enum Verdict<'a, K> {
    /// Nothing to repair, and the version for which a comparison showed that.
    InSync(Option<InSync>),
    /// Differs from this object at these paths; no paths if the live object does not exist.
    Drifted(&'a K, Vec<String>),
    Foreign,
}

/// Compares `live` with what tasks of kind `by` write, unless that version was compared before.
fn compare<'a, K: Resource + Serialize>(
    observed: &Observed,
    by: TaskKind,
    wanted: impl FnOnce() -> Option<&'a K>,
    live: Option<&K>,
) -> Verdict<'a, K> {
    let node = &*observed.node;
    match live.map(|live| Ownership::of(live, node)) {
        Some(Ownership::Own) | None => {}
        // It is recreated once it is gone.
        Some(Ownership::Ending) => return Verdict::InSync(None),
        Some(Ownership::Foreign) => return Verdict::Foreign,
    }
    let version = live.and_then(|live| InSync::of(live, by, node));
    if version.as_ref().is_some_and(|version| observed.in_sync.contains(version)) {
        return Verdict::InSync(version);
    }
    let Some(wanted) = wanted() else { return Verdict::InSync(None) };
    let Some(live) = live else { return Verdict::Drifted(wanted, Vec::new()) };
    // Objects of the API server and rendered ones always serialize.
    let (Ok(wanted_json), Ok(live_json)) = (serde_json::to_value(wanted), serde_json::to_value(live)) else {
        return Verdict::InSync(None);
    };
    match differences(&wanted_json, &live_json) {
        paths if paths.is_empty() => Verdict::InSync(version),
        paths => Verdict::Drifted(wanted, paths),
    }
}

/// Whether the differing fields at `paths` are all derived from the spec, and were written only by the operator.
/// `kubectl scale` does not appear in managed fields, but changes a field that no spec changes.
fn lags(paths: &[String], live: &StatefulSet) -> bool {
    let follows = |path: &String| path.starts_with("/spec/template/") || path.starts_with("/metadata/labels");
    !has_other_manager(live) && paths.iter().all(follows)
}

/// Whether another client has written fields of the spec.
fn has_other_manager(stateful_set: &StatefulSet) -> bool {
    let entries = stateful_set.metadata.managed_fields.iter().flatten();
    entries.into_iter().any(|entry| {
        let of_spec = entry.fields_v1.as_ref().is_some_and(|fields| fields.0.get("f:spec").is_some());
        let ours = entry.manager.as_deref() == Some(labels::FIELD_MANAGER);
        !ours && entry.subresource.as_deref().unwrap_or_default().is_empty() && of_spec
    })
}
