//! The genesis ceremony of a group: what it depends on outside the API server, and the assembly of the genesis, which the
//! sidecar of the first validator does. An actor beside that of the node follows it, so that no pass waits.

use std::sync::Arc;

use kube::ResourceExt;
use sei_api::{SeiNode, SeiNodeDeployment, conditions::is_true, deployment_conditions::ConditionType};
use sei_decide::{Refusal, Sidecar, TaskProgress, Trouble, TroubleKind};
use sei_deployment::{
    AssemblyOrder, AssemblyState, CeremonyFacts, Color, Decision, GenesisBucket, Observed, Seat, child,
    child_name, is_owned_by, needs_bucket, stored_assembly,
};
use sei_render::sidecar_image;
use sei_sidecar::TaskRequest;

use super::{context::Context, wakes::created_chain};
use crate::sidecar::{Order, Queries};

/// What a ceremony leaves in the genesis bucket, under the ID of its chain.
const RESULTS: [&str; 2] = ["genesis.json", "peers.json"];

pub(super) async fn observe(
    ctx: &Context,
    group: &SeiNodeDeployment,
    nodes: &[Arc<SeiNode>],
) -> CeremonyFacts {
    let Some(genesis) = group.spec.genesis.as_ref() else { return CeremonyFacts::default() };
    let bucket = match needs_bucket(group, nodes) {
        true => bucket(ctx, &genesis.chain_id).await,
        false => GenesisBucket::Unchecked,
    };
    let (assembly, genesis_hash) = assembly(ctx, group, nodes);
    CeremonyFacts {
        bucket,
        rival: rival(ctx, group),
        sidecar_image: sidecar_image(&child(group, &Seat::new(group, Color::Blue, 0), ""), &ctx.platform)
            .to_owned(),
        assembly,
        genesis_hash,
    }
}

async fn bucket(ctx: &Context, chain: &str) -> GenesisBucket {
    let Some(bucket) = &ctx.genesis_bucket else { return GenesisBucket::Unchecked };
    for object in RESULTS {
        let key = format!("{chain}/{object}");
        match bucket.holds(&key).await {
            Ok(false) => {}
            Ok(true) => return GenesisBucket::Holds(bucket.url(&key)),
            Err(error) => return GenesisBucket::Unavailable(error.to_string()),
        }
    }
    GenesisBucket::Empty
}

/// Another group that creates a chain with the same ID, and has started or was created earlier. All groups share one
/// bucket.
fn rival(ctx: &Context, group: &SeiNodeDeployment) -> Option<String> {
    let chain = created_chain(group)?;
    let age = |group: &SeiNodeDeployment| (group.metadata.creation_timestamp.clone(), group.uid());
    let is_rival = |other: &SeiNodeDeployment| {
        let creates_it = created_chain(other) == Some(chain);
        let is_other = other.metadata.uid != group.metadata.uid;
        creates_it && is_other && (has_started(other) || age(other) < age(group))
    };
    let rivals = ctx.everywhere.iter().flat_map(|scope| scope.groups.state_filter(is_rival));
    rivals.map(|other| format!("{}/{}", other.namespace().unwrap_or_default(), other.name_any())).min()
}

fn has_started(group: &SeiNodeDeployment) -> bool {
    let Some(status) = &group.status else { return false };
    status.plan.is_some() || is_true(status.condition(ConditionType::GenesisCeremonyComplete))
}

/// The sidecar's record of the stored attempt, and the hash of the genesis that it has assembled. As in any pass,
/// nothing is submitted until the status is stored.
fn assembly(
    ctx: &Context,
    group: &SeiNodeDeployment,
    nodes: &[Arc<SeiNode>],
) -> (AssemblyState, Option<String>) {
    let Some(task) = stored_assembly(group) else {
        ctx.memory(group, |memory| memory.assembly = None);
        return (AssemblyState::Unknown, None);
    };
    let name = child_name(group, 0);
    let node = nodes.iter().find(|node| node.name_any() == name && is_owned_by(&***node, group));
    let target = node.and_then(|node| ctx.sidecars.target(node)).ok_or_else(|| Trouble {
        kind: TroubleKind::NoPod,
        message: format!("the sidecar of SeiNode {name} is not reachable yet"),
    });
    ctx.memory(group, |memory| {
        let watched = memory.assembly.get_or_insert_with(|| ctx.sidecars.follow(ctx.waker(group)));
        let sidecar = watched.begin_pass(target, None, Queries::default());
        let retries = task.retry_count.unwrap_or(0);
        let genesis_hash = sidecar.result(&task.id, retries).and_then(|result| result.genesis_hash.clone());
        (state(&sidecar, &task.id, retries), genesis_hash)
    })
}

fn state(sidecar: &Sidecar, id: &str, retries: i64) -> AssemblyState {
    match (sidecar.progress(id, retries), &sidecar.trouble) {
        (Some(TaskProgress::Completed), _) => AssemblyState::Completed,
        (Some(TaskProgress::Failed(error)), _) => AssemblyState::Failed(error.clone()),
        (Some(TaskProgress::Refused(Refusal::Other, error)), _) => AssemblyState::Failed(error.clone()),
        (Some(TaskProgress::Refused(Refusal::TaskUnknown, error)), _) => {
            AssemblyState::Unsupported(error.clone())
        }
        (Some(TaskProgress::Refused(_, error)), _) => {
            AssemblyState::Rejected(format!("the sidecar rejected the task: {error}"))
        }
        (_, Some(trouble)) => AssemblyState::Unreachable(trouble.message.clone()),
        (Some(TaskProgress::Submitted | TaskProgress::Running), None) => AssemblyState::Running,
        (Some(TaskProgress::Unknown | TaskProgress::Lost | TaskProgress::Held) | None, None) => {
            AssemblyState::Unknown
        }
    }
}

/// Ends a pass whose status is stored: requests what was decided from the sidecar.
pub(super) fn carry_out(ctx: &Context, observed: &Observed, decision: &Decision) {
    let order = decision.ceremony.as_ref().and_then(|step| step.order.as_ref());
    ctx.memory(&observed.group, |memory| {
        let Some(watched) = &mut memory.assembly else { return };
        if let Some(order) = order.and_then(submission) {
            watched.order(order);
        }
        watched.end_pass();
    });
}

fn submission(order: &AssemblyOrder) -> Option<Order> {
    let id = order.id.parse().ok()?;
    let request = order.params.clone().map(|params| TaskRequest {
        id,
        type_: order.type_.clone(),
        params: Some(params),
    });
    Some(Order {
        id,
        retries: order.retries,
        was_submitted: false,
        is_new: false,
        marks_ready: false,
        once: false,
        needs_type: order.needs_type,
        request,
    })
}
