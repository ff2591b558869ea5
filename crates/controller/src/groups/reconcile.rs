//! One reconcile of one group.

use std::{sync::Arc, time::Duration};

use kube::{Resource, ResourceExt};
use sei_api::{SeiNodeDeployment, labels};
use sei_deployment::{Decision, Halt, Observed, Refusal, Routes, Write, decide, events, status};
use serde_json::json;

use super::{
    carry_out::{CarriedOut, carry_out},
    ceremony,
    context::Context,
    observe::observe,
    target::Target,
};
use crate::{
    error::PassError,
    finalizers,
    queue::Next,
    reconciled::described,
    status_write::{RecordError, difference, write_status},
    trim,
    watches::NOT_INSTALLED,
    written,
};

/// Maximum number of rounds of a reconcile: the finalizer is added, objects are written, and nothing is left to write.
const ROUNDS: usize = 4;
/// Delay before looking again for the actors of nodes, which are started by the passes over the nodes.
const ACTORS: Duration = Duration::from_secs(5);

/// Reconciles `cached`, or the newer state that the last write returned.
pub(super) async fn reconcile(cached: Arc<SeiNodeDeployment>, ctx: &Context) -> Result<Next, PassError> {
    if is_deleted_with_namespace(ctx, &cached).await {
        Target { ctx, group: &cached }.unmark().await?;
        return Ok(None);
    }
    if let Some(kind) = ctx.denied() {
        return Err(PassError::Denied { object: described(&*cached), kind });
    }
    for _ in 0..ROUNDS {
        let observed = observe(ctx, &cached).await?;
        ctx.metrics.observe_group(&observed.group);
        let decision = decide(&observed);
        let carried_out = carry_out(ctx, &observed, &decision.writes).await;
        let is_settled = carried_out.error.is_some() || carried_out.count == 0;
        if is_settled || decision.writes.contains(&Write::Unmark) {
            return end(ctx, &observed, &decision, carried_out).await;
        }
    }
    Ok(Some(Duration::ZERO))
}

/// Whether the group is deleted with its namespace: everything in it is deleted, possibly the operator's Role first.
async fn is_deleted_with_namespace(ctx: &Context, group: &SeiNodeDeployment) -> bool {
    group.metadata.deletion_timestamp.is_some()
        && is_marked(group)
        && finalizers::in_terminating_namespace(&ctx.client, group).await
}

fn is_marked(group: &SeiNodeDeployment) -> bool {
    group.finalizers().iter().any(|finalizer| finalizer == labels::DEPLOYMENT_FINALIZER)
}

/// Writes the status, and returns when the next reconcile is due.
async fn end(
    ctx: &Context,
    observed: &Observed,
    decision: &Decision,
    carried_out: CarriedOut,
) -> Result<Next, PassError> {
    let CarriedOut { refusals, error, pause, .. } = carried_out;
    let status_pause = match is_gone(ctx, observed) {
        true => None,
        false => record(ctx, observed, decision, &refusals).await?,
    };
    ceremony::carry_out(ctx, observed, decision);
    if let Some(error) = error {
        return Err(error);
    }
    // An object that is not in the cache after a while was deleted.
    let uncached = ctx.memory(&observed.group, |memory| memory.has_uncached()).then_some(written::KEEP);
    // Installing the kind queues no group.
    let needs_routes = observed.group.spec.networking.is_some() && observed.routes == Routes::NotInstalled;
    let routes = needs_routes.then_some(NOT_INSTALLED);
    let halts = observed.halts.values().any(|halt| *halt == Halt::Unknown).then_some(ACTORS);
    let ceremony = decision.ceremony.as_ref().and_then(|step| step.next);
    let times = [pause, status_pause, uncached, routes, halts, ceremony, decision.next];
    Ok(times.into_iter().flatten().min())
}

/// Whether the finalizer was removed, so that there is nothing left to report.
fn is_gone(ctx: &Context, observed: &Observed) -> bool {
    let group = &observed.group;
    let newest = ctx.memory(group, |memory| memory.group.newest(Some(Arc::clone(group))));
    let newest = newest.unwrap_or_else(|| Arc::clone(group));
    newest.metadata.deletion_timestamp.is_some() && !is_marked(&newest)
}

/// Writes the status if it changed. Returns the time to wait if it was written recently.
async fn record(
    ctx: &Context,
    observed: &Observed,
    decision: &Decision,
    refusals: &[Refusal],
) -> Result<Option<Duration>, RecordError> {
    let group = &*observed.group;
    let before = group.status.clone().unwrap_or_default();
    let after = status(observed, decision, refusals);
    if before == after {
        return Ok(None);
    }
    let is_new_spec = before.observed_generation != after.observed_generation;
    let pause = ctx.memory(group, |memory| memory.status_pause());
    if let Some(pause) = pause.filter(|_| !is_new_spec) {
        return Ok(Some(pause));
    }
    let change = difference(&json!(before), &json!(after));
    let mut written = write_status(&ctx.client, group, &change, labels::DEPLOYMENT_FIELD_MANAGER).await?;
    trim::group(&mut written);
    ctx.metrics.observe_group(&written);
    ctx.events.publish(&written.object_ref(&()), events(&before, &after), observed.now);
    ctx.memory(group, |memory| {
        memory.wrote_status();
        memory.group.keep(Arc::new(written));
    });
    Ok(None)
}
