//! The observed state of the node's sidecar. Reading it also updates the pod that the sidecar's actor uses.

use std::time::Duration;

use jiff::Timestamp;
use sei_api::{SeiNode, conditions::ConditionType, names, v1alpha1::NodePhase};
use sei_decide::{Children, Sidecar, Trouble, TroubleKind, objects::has_ended};
use sei_plan::{OfKind, Plan, TaskKind, relevant_task_types};

use crate::{
    context::Context,
    sidecar::{Queries, Target, fingerprint},
};

pub(super) fn find(ctx: &Context, node: &SeiNode, children: &Children, now: Timestamp) -> Sidecar {
    let pod = [&children.pod, &children.bootstrap_pod].into_iter().flatten().find(|pod| !has_ended(pod));
    let queries = Queries {
        health: is_released(node),
        seid: is_released(node),
        node_id: has_identity(node),
        task_types: relevant_task_types(node),
    };
    ctx.memory(node, |memory| {
        let target = match pod {
            None => Err(Trouble {
                kind: TroubleKind::NoPod,
                message: format!("pod {} does not exist yet", names::pod(node)),
            }),
            Some(_) if node.spec.tls().is_some() && memory.trust.is_none() => Err(Trouble {
                kind: TroubleKind::Unreachable,
                message: "not contacting the sidecar: no valid certificate seen in the TLS Secret since the operator started".to_owned(),
            }),
            Some(pod) => {
                let trust = memory.trust.clone().filter(|_| node.spec.tls().is_some());
                Ok(Target::of(node, pod, trust, ctx.platform.cluster_domain()))
            }
        };
        let sidecar =
            memory.sidecar.get_or_insert_with(|| ctx.sidecars.watch(node, unchanged_for(node, now)));
        sidecar.begin_pass(target, pod.map(|pod| fingerprint(pod)), queries)
    })
}

/// Whether seid was allowed to start: a sidecar that restarts then needs another mark-ready.
fn is_released(node: &SeiNode) -> bool {
    let plan = Plan::load(node);
    let current = plan.as_ref().and_then(Plan::current);
    node.status.as_ref().and_then(|status| status.phase) == Some(NodePhase::Running)
        || current.is_some_and(|(_, task)| task.is(TaskKind::AwaitBootstrapComplete))
}

/// Whether the node keeps its current ID: a member of a ceremony gets another one from its plan.
fn has_identity(node: &SeiNode) -> bool {
    Plan::load(node).is_none_or(|plan| !plan.is_incomplete(TaskKind::GenerateIdentity))
}

/// How long the sidecar's health has been unchanged, according to the status.
fn unchanged_for(node: &SeiNode, now: Timestamp) -> Duration {
    let condition = node.status.as_ref().and_then(|status| status.condition(ConditionType::SidecarReady));
    let since = condition.map_or(now, |condition| condition.last_transition_time.0);
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}
