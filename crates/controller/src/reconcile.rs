//! One pass over one node.

use std::{sync::Arc, time::Duration};

use kube::runtime::reflector::ObjectRef;
use sei_api::{SeiNode, names};
use sei_decide::{Pass, Request, Requeue, sidecar_rollout::Member};

use crate::{
    act, context::Context, error::PassError, finalize, memory::Published, observe::observe, progress,
    queue::Next, record::record, repair::repair, sidecar::Watched, written::version,
};

/// How many times a pass repeats before other nodes get their turn: a plan is stored, run, and followed by the next.
const ROUNDS: usize = 4;

/// Reconciles `cached`, or the newer state that the operator's last write returned.
pub(crate) async fn reconcile(cached: Arc<SeiNode>, ctx: &Context) -> Result<Next, PassError> {
    let mut stored = freshest(cached, ctx);
    announce(ctx, &stored);
    if stored.metadata.deletion_timestamp.is_some() {
        finalize::finalize(ctx, &stored).await?;
        return Ok(None);
    }
    if !finalize::is_marked(&stored) {
        stored = finalize::mark(ctx, &stored).await?;
    }
    let started = Arc::clone(&stored);
    for _ in 0..ROUNDS {
        let node = progress::with_unsaved(ctx, &stored);
        let observed = observe(ctx, &node).await;
        let not_after = observed.tls.as_ref().and_then(|tls| tls.not_after);
        ctx.metrics.observe_node(&node, not_after);
        let plan_id = ctx.plan_id();
        let mut pass = Pass::begin(&observed, &ctx.platform, &plan_id);
        ctx.memory(&node, |memory| memory.in_sync = pass.in_sync());
        loop {
            match pass.next_request() {
                Request::Repair(object) => {
                    let repaired = repair(ctx, &observed, object).await;
                    pass.repaired(repaired);
                }
                Request::Step { plan, task, rendering } => {
                    let outcome = act::step(ctx, &observed, plan, task, rendering).await;
                    let (namespace, name) = (names::namespace(&node), names::node(&node));
                    tracing::debug!(namespace, name, task = task.type_, ?outcome, "task step");
                    pass.stepped(outcome, ctx.now(), ctx.jitter());
                }
                Request::WriteStatus => break,
            }
        }
        let (status, then) = pass.end();
        match then {
            Requeue::PlanStored => {
                stored = record(ctx, &stored, status).await?;
                ctx.memory(&stored, |memory| memory.plan_made = Some(plan_id));
            }
            Requeue::Now => stored = record(ctx, &stored, status).await?,
            Requeue::After(delay) => {
                let due = progress::keep(ctx, &stored, &status);
                if due.is_none() {
                    stored = record(ctx, &stored, status).await?;
                }
                // The watch only repeats what this pass has written, and starts no other one.
                if !Arc::ptr_eq(&stored, &started) {
                    announce(ctx, &stored);
                    ctx.metrics.observe_node(&stored, not_after);
                }
                ctx.memory(&stored, |memory| memory.sidecar.iter_mut().for_each(Watched::end_pass));
                return Ok(Some(due.map_or(delay, |due| delay.min(due))));
            }
        }
    }
    Ok(Some(Duration::ZERO))
}

/// Requeues the nodes that depend on this one when the relevant parts changed: its existence, labels, phase,
/// ID in the peer-to-peer network, or place in the rollout of sidecar images.
fn announce(ctx: &Context, node: &SeiNode) {
    let node_id = ctx.memory(node, |memory| memory.sidecar.as_ref().and_then(Watched::node_id));
    if let Some(id) = &node_id {
        ctx.neighbours.set_node_id(node, id.clone());
    }
    let published = Published {
        node_id,
        labels: node.metadata.labels.clone(),
        phase: node.status.as_ref().and_then(|status| status.phase),
        leaving: node.metadata.deletion_timestamp.is_some(),
        rollout: Member::of(node, &ctx.platform).map(|member| member.state()),
    };
    let changed = ctx.memory(node, |memory| memory.published.replace(published.clone()) != Some(published));
    if changed {
        ctx.neighbours.wake(node, &ctx.platform);
    }
}

/// The newest known state of `cached`, which may have changed since the pass was due. The cache may not have the operator's
/// last write yet; acting on the state before it would repeat work.
fn freshest(cached: Arc<SeiNode>, ctx: &Context) -> Arc<SeiNode> {
    // Read before the cache, which has the write once it is no longer remembered.
    let written = ctx.memory(&cached, |memory| memory.written.clone());
    let current = ctx.cache.nodes.get(&ObjectRef::from_obj(&*cached));
    let cached = current.filter(|node| node.metadata.uid == cached.metadata.uid).unwrap_or(cached);
    match written {
        Some(written) if version(&*written) > version(&*cached) => written,
        Some(_) => {
            ctx.memory(&cached, |memory| memory.written = None);
            cached
        }
        None => cached,
    }
}
