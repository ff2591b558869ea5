//! One pass over one node.

use std::{fmt::Debug, sync::Arc, time::Duration};

use kube::{Resource, core::NamespaceResourceScope, runtime::controller::Action};
use sei_api::{SeiNode, names::full_name};
use sei_decide::{Ask, Overridden, Pass, Repair, Repaired, Then};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    act, context::Context, error::PassError, finalize, memory::Shown, observe::observe, record::record,
    sidecar::Watched,
};

/// How often a pass may go round before it lets others have their turn: a plan is stored, run, and followed
/// up by the next.
const ROUNDS: usize = 4;

/// How long fields that are changed back are left alone.
const OVERRIDDEN: Duration = Duration::from_secs(300);

/// Reconciles `cached`, or the newer state that our own last write returned.
pub(crate) async fn reconcile(cached: Arc<SeiNode>, ctx: &Context) -> Result<Action, PassError> {
    let mut node = freshest(cached, ctx);
    announce(ctx, &node);
    if node.metadata.deletion_timestamp.is_some() {
        finalize::finalize(ctx, &node).await?;
        return Ok(Action::await_change());
    }
    if !finalize::is_marked(&node) {
        node = finalize::mark(ctx, &node).await?;
    }
    for _ in 0..ROUNDS {
        let observed = observe(ctx, &node).await;
        ctx.metrics.observe_node(&node, observed.tls.as_ref().and_then(|tls| tls.not_after));
        let plan_id = ctx.plan_id();
        let mut pass = Pass::begin(&observed, &ctx.platform, &plan_id);
        loop {
            match pass.ask() {
                Ask::Repair(object) => {
                    let repaired = repair(ctx, &node, object).await;
                    pass.repaired(repaired);
                }
                Ask::Step { plan, task } => {
                    let outcome = act::step(ctx, &observed, plan, task).await;
                    tracing::debug!(node = full_name(&node), task = task.type_, ?outcome, "task step");
                    pass.stepped(outcome, ctx.now(), ctx.jitter());
                }
                Ask::End => break,
            }
        }
        let (status, then) = pass.end();
        node = record(ctx, &node, status).await?;
        match then {
            Then::Store | Then::Again => {}
            Then::Wait(delay) => {
                ctx.memory(&node, |memory| memory.sidecar.iter().for_each(Watched::end_pass));
                return Ok(Action::requeue(delay));
            }
        }
    }
    Ok(Action::requeue(Duration::ZERO))
}

async fn repair(ctx: &Context, node: &SeiNode, repair: Repair) -> Repaired {
    match repair {
        Repair::StatefulSet(object) => restore(ctx, node, &*object, "StatefulSet").await,
        Repair::Service(object) => restore(ctx, node, &*object, "Service").await,
        Repair::ConfigMap(object) => restore(ctx, node, &*object, "ConfigMap").await,
        Repair::ClaimMark(claim) => match act::mark_initialized(ctx, node, &claim).await {
            Ok(()) => Repaired::Done,
            Err(error) => {
                tracing::warn!(node = full_name(node), claim = claim.name, %error, "failed to annotate claim");
                Repaired::Failed(format!("annotate claim {}: {error}", claim.name))
            }
        },
    }
}

async fn restore<K>(ctx: &Context, node: &SeiNode, object: &K, kind: &'static str) -> Repaired
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let live = match act::apply(ctx, node, object).await {
        Ok(live) => live,
        Err(error) => {
            tracing::warn!(node = full_name(node), kind, %error, "failed to revert drift in owned object");
            return Repaired::Failed(error.to_string());
        }
    };
    match Overridden::find(object, &live, kind) {
        None => {
            tracing::info!(node = full_name(node), kind, "reverted drift in owned object");
            Repaired::Done
        }
        Some(overridden) => {
            tracing::warn!(node = full_name(node), kind, paths = ?overridden.paths, "drift in owned object was not reverted: the object differs again once it is written");
            let until = ctx.now() + OVERRIDDEN;
            ctx.memory(node, |memory| memory.overridden.push((until, overridden.clone())));
            Repaired::Undone(overridden)
        }
    }
}

/// Wakes the nodes that look at this one when what they look at changed: that it exists, its labels, its phase.
fn announce(ctx: &Context, node: &SeiNode) {
    let shown = Shown {
        labels: node.metadata.labels.clone(),
        phase: node.status.as_ref().and_then(|status| status.phase),
        leaving: node.metadata.deletion_timestamp.is_some(),
    };
    let changed = ctx.memory(node, |memory| memory.shown.replace(shown.clone()) != Some(shown));
    if changed {
        ctx.neighbours.wake(node);
    }
}

/// The cache may not have our own last write yet; acting on what was before it would repeat work.
fn freshest(cached: Arc<SeiNode>, ctx: &Context) -> Arc<SeiNode> {
    ctx.memory(&cached, |memory| {
        let version = |node: &SeiNode| node.metadata.resource_version.as_ref()?.parse::<u64>().ok();
        match &memory.written {
            Some(written) if version(written) > version(&cached) => Arc::clone(written),
            _ => {
                memory.written = None;
                Arc::clone(&cached)
            }
        }
    })
}
