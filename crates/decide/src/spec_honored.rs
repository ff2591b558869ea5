//! Condition `SpecHonored`: fields of the spec that are invalid, pending, kept or without effect.

use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{self, ConditionType, SpecReason, Statement},
    v1alpha1::{ConfigRollout, Configured, NodePhase},
};
use sei_node::Node;
use sei_plan::{DISCOVER_PEERS, LOG_LEVEL, configured, overridden};
use sei_render::Platform;

use crate::{
    condition::set_condition, faults, neighbours::refused_namespaces, observed::Observed, repair::Overridden,
};

/// Reports fields of the spec that are not honored.
pub(crate) fn report(observed: &Observed, node: &Node<'_>, platform: &Platform, status: &mut SeiNodeStatus) {
    let unused = faults::non_blocking(node);
    let unused = unused
        .into_iter()
        .map(|fault| format!("{fault}; nothing that the node currently needs depends on it"));
    let said: Vec<_> = unused
        .map(|text| (SpecReason::FieldInvalid, text))
        .chain(pending(node.object, status, platform).map(|text| (SpecReason::FieldPending, text)))
        .chain(kept(node, status).map(|text| (SpecReason::OverrideKept, text)))
        .chain(without_effect(node.object).map(|text| (SpecReason::FieldWithoutEffect, text)))
        .chain(without_discovery(observed).map(|text| (SpecReason::FieldWithoutEffect, text)))
        .chain(refused_namespaces(node.object, platform).map(|text| (SpecReason::FieldWithoutEffect, text)))
        .collect();
    let Some((reason, _)) = said.first() else {
        conditions::remove(&mut status.conditions, ConditionType::SpecHonored);
        return;
    };
    let texts: Vec<_> = said.iter().map(|(_, text)| text.as_str()).collect();
    set_condition(observed, status, Statement::new(false, *reason, texts.join("; ")));
}

/// Fields of a Running node that its configuration does not reflect.
fn pending(
    node: &SeiNode,
    status: &SeiNodeStatus,
    platform: &Platform,
) -> impl Iterator<Item = String> + use<> {
    let running = status.phase == Some(NodePhase::Running);
    let was = status.configured.clone().filter(|_| running);
    let is = configured(node);
    let differs =
        move |field: fn(&Configured) -> &str| was.as_ref().is_some_and(|was| field(was) != field(&is));
    let when = match node.spec.config_rollout.unwrap_or(platform.config_rollout()) {
        ConfigRollout::WithImage | ConfigRollout::Unknown => {
            "the change takes effect with the next update of the image; to apply it now, set spec.configRollout: Immediate"
        }
        ConfigRollout::Immediate => "an update that restarts the pod applies the change",
    };
    let fields = [
        differs(|it| &it.overrides).then_some("spec.overrides"),
        differs(|it| &it.peers).then_some("spec.peers"),
    ];
    fields
        .into_iter()
        .flatten()
        .map(move |field| format!("{field} differs from what seid was started with: {when}"))
}

/// Keys that the spec no longer sets, and that a Running node keeps.
fn kept(node: &Node<'_>, status: &SeiNodeStatus) -> Option<String> {
    let recorded = status.overridden_keys.as_ref().filter(|_| status.phase == Some(NodePhase::Running))?;
    let wanted = overridden(node);
    let kept: Vec<_> = recorded.iter().filter(|key| !wanted.contains(*key)).map(String::as_str).collect();
    (!kept.is_empty()).then(|| {
        format!(
            "no longer set, but kept with their last values in the configuration of the node: {}; set each in spec.overrides to the value that you want",
            kept.join(", ")
        )
    })
}

/// Fields that are set but have no effect.
fn without_effect(node: &SeiNode) -> impl Iterator<Item = String> {
    let spec = &node.spec;
    let exports = spec.replayer.as_ref().is_some_and(|replayer| replayer.result_export.is_some());
    let level = spec.overrides.as_ref().and_then(|overrides| overrides.get(LOG_LEVEL.0));
    let fields = [
        exports.then(|| "spec.replayer.resultExport has no effect: no task exports results".to_owned()),
        spec.entrypoint.is_some().then(|| "spec.entrypoint has no effect: it is deprecated".to_owned()),
        level
            .filter(|level| *level != LOG_LEVEL.1)
            .map(|_| format!("spec.overrides {} has no effect: it is always {}", LOG_LEVEL.0, LOG_LEVEL.1)),
    ];
    let later = spec.later_fields().map(|field| {
        format!(
            "{field} has no effect: it belongs to later versions of sei-k8s-controller and is only preserved"
        )
    });
    fields.into_iter().flatten().chain(later)
}

/// Sources of EC2 instances that the sidecar cannot resolve.
fn without_discovery(observed: &Observed) -> impl Iterator<Item = String> {
    let cannot = observed.sidecar.lacks(DISCOVER_PEERS);
    let peers = observed.node.spec.peers.iter().flatten().enumerate();
    let tags = peers.filter(move |(_, source)| cannot && source.ec2_tags.is_some());
    tags.map(|(index, _)| {
        format!(
            "spec.peers[{index}].ec2Tags has no effect: sidecars since v0.0.57 do not support discover-peers; list the instances in static.addresses, or select SeiNodes with label"
        )
    })
}

/// Reports objects whose written fields do not last.
pub(crate) fn report_overridden(status: &mut SeiNodeStatus, observed: &Observed, overridden: &[Overridden]) {
    if overridden.is_empty() {
        return;
    }
    let kind = ConditionType::SpecHonored;
    let before = status.condition(kind).map(|it| it.message.clone());
    let texts: Vec<_> = before.into_iter().chain(overridden.iter().map(ToString::to_string)).collect();
    set_condition(observed, status, Statement::new(false, SpecReason::FieldOverridden, texts.join("; ")));
}
