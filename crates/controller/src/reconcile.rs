//! One pass over one node.

use std::{sync::Arc, time::Duration};

use kube::runtime::controller::Action;
use sei_api::{SeiNode, SeiNodeStatus};
use sei_plan::{Outcome, Persisted, Plan, Step, is_outdated};

use crate::{
    act,
    context::Context,
    decide::{Next, Repair, begin_again, decide, settle, sum_up},
    error::PassError,
    finalize,
    observe::{Observed, Shown, observe},
    record::{full_name, record},
};

/// How often a pass may go round before it lets others have their turn: a plan is stored, run, and followed
/// up by the next.
const ROUNDS: usize = 4;
/// Without any event a node is looked at again after this time.
const RESYNC: Duration = Duration::from_secs(300);

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
    let mut again = Duration::ZERO;
    for _ in 0..ROUNDS {
        let observed = observe(ctx, &node).await;
        ctx.metrics.observe_node(&node, observed.tls.as_ref().and_then(|tls| tls.not_after));
        let mut decision = decide(&observed, &ctx.platform, &ctx.plan_id());
        let obstacle = decision.take_obstacle();
        let mut status = decision.status;
        match decision.next {
            Next::Store => {
                sum_up(&observed, &mut status, obstacle.as_ref(), None);
                node = record(ctx, &node, status).await?;
            }
            Next::Run(plan, repairs) => {
                repair(ctx, &node, repairs).await;
                let (last, step) = run(ctx, &observed, *plan, &mut status).await;
                sum_up(&observed, &mut status, obstacle.as_ref(), last.as_ref());
                node = record(ctx, &node, status).await?;
                if let Step::Later(delay) = step {
                    return Ok(Action::requeue(delay));
                }
                // What the sidecar said before the plan ended is no longer so.
                ctx.memory(&node, |memory| memory.probe = None);
            }
            Next::Repair(repairs) => {
                sum_up(&observed, &mut status, obstacle.as_ref(), None);
                node = record(ctx, &node, status).await?;
                repair(ctx, &node, repairs).await;
                again = next_look(&observed);
                break;
            }
            Next::Wait => {
                sum_up(&observed, &mut status, obstacle.as_ref(), None);
                record(ctx, &node, status).await?;
                again = next_look(&observed);
                break;
            }
        }
    }
    Ok(Action::requeue(again))
}

/// Runs `plan` until it has to wait or ends. Its progress goes into `status`.
async fn run(
    ctx: &Context,
    observed: &Observed,
    mut plan: Plan<Persisted>,
    status: &mut SeiNodeStatus,
) -> (Option<Outcome>, Step) {
    let mut last = None;
    let step = loop {
        if let Some(left) = plan.backing_off(observed.now) {
            break Step::Later(left);
        }
        let Some((_, task)) = plan.current() else { break plan.advance(Outcome::Done, ctx.now(), 0.0) };
        let outcome = act::step(ctx, observed, &plan, task).await;
        tracing::debug!(node = full_name(&observed.node), task = task.type_, ?outcome, "task step");
        last = Some(outcome.clone());
        match plan.advance(outcome, ctx.now(), ctx.jitter()) {
            // A plan whose spec changed goes no further than it must.
            Step::Next if !is_outdated(plan.stored(), &observed.node) => {}
            step => break step,
        }
    };
    if step == Step::Replan {
        begin_again(observed, status, plan, &ctx.plan_id());
    } else {
        settle(observed, status, plan.into_stored());
    }
    (last, step)
}

async fn repair(ctx: &Context, node: &SeiNode, repairs: Vec<Repair>) {
    for repair in repairs {
        let (kind, applied) = match repair {
            Repair::StatefulSet(object) => ("StatefulSet", act::apply(ctx, node, &*object).await.map(drop)),
            Repair::Service(object) => ("Service", act::apply(ctx, node, &*object).await.map(drop)),
            Repair::ConfigMap(object) => ("ConfigMap", act::apply(ctx, node, &*object).await.map(drop)),
        };
        match applied {
            Ok(()) => {
                tracing::info!(
                    node = full_name(node),
                    kind,
                    "object is not as it was written and is set right"
                )
            }
            Err(error) => {
                tracing::warn!(node = full_name(node), kind, %error, "object could not be set right")
            }
        }
    }
}

/// When to look again if no event comes first.
fn next_look(observed: &Observed) -> Duration {
    let until = |at: jiff::Timestamp| {
        Duration::try_from(at.duration_since(observed.now))
            .unwrap_or_default()
            .max(Duration::from_millis(100))
    };
    let probe = observed.health.as_ref().map(|probe| until(probe.next_at));
    let certificate = observed.tls.as_ref().and_then(|tls| tls.changes_at).map(until);
    [probe, certificate].into_iter().flatten().fold(RESYNC, Duration::min)
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
