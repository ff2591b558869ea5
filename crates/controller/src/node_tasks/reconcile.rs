//! One reconcile of one task.

use std::{sync::Arc, time::Duration};

use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Preconditions},
};
use sei_api::{SeiNodeTask, SeiNodeTaskStatus, labels};
use sei_node_task::{Decision, Observed, Order, decide, events};
use sei_sidecar::TaskRequest;
use serde_json::json;

use super::{context::Context, observe::observe};
use crate::{
    error::PassError,
    queue::Next,
    reconciled::described,
    sidecar,
    status_write::{difference, write_status},
    trim,
};

/// Interval at which the address of a started task's sidecar is read again: passes over its SeiNode may change it.
const ADDRESS: Duration = Duration::from_secs(5);

/// Reconciles `cached`, or the newer state that the last write returned.
pub(super) async fn reconcile(cached: Arc<SeiNodeTask>, ctx: &Context) -> Result<Next, PassError> {
    if let Some(kind) = ctx.denied() {
        return Err(PassError::Denied { object: described(&*cached), kind });
    }
    let observed = observe(ctx, &cached);
    ctx.metrics.observe_task(&observed.task);
    let Decision { status, order, expired, next } = decide(&observed);
    if expired {
        delete(ctx, &observed.task).await?;
        return Ok(None);
    }
    record(ctx, &observed, status).await?;
    let next = next.map(|next| if order.is_some() { next.min(ADDRESS) } else { next });
    request(ctx, &observed.task, order);
    Ok(next)
}

/// Writes the status if it changed.
async fn record(ctx: &Context, observed: &Observed, after: SeiNodeTaskStatus) -> Result<(), PassError> {
    let task = &*observed.task;
    let before = task.status.clone().unwrap_or_default();
    if before == after {
        return Ok(());
    }
    let change = difference(&json!(before), &json!(after));
    let mut written = write_status(&ctx.client, task, &change, labels::FIELD_MANAGER).await?;
    trim::task(&mut written);
    ctx.metrics.observe_task(&written);
    ctx.events.publish(&written.object_ref(&()), events(task, &before, &after), observed.now);
    ctx.memory(task, |memory| memory.task.keep(Arc::new(written)));
    Ok(())
}

/// Ends a pass whose status is stored: requests what was decided from the sidecar, and nothing once the task has ended.
fn request(ctx: &Context, task: &SeiNodeTask, order: Option<Order>) {
    ctx.memory(task, |memory| match order {
        None => memory.sidecar = None,
        Some(order) => {
            let Some(watched) = &mut memory.sidecar else { return };
            watched.order(submission(order));
            watched.end_pass();
        }
    });
}

fn submission(order: Order) -> sidecar::Order {
    let Order { id, type_, params, needs_type, submits, was_submitted } = order;
    let request = submits.then(|| TaskRequest { id, type_: type_.to_owned(), params });
    // A mark-ready is submitted in order to end a hold, so it is not subject to one.
    sidecar::Order {
        id,
        retries: 0,
        was_submitted,
        is_new: false,
        marks_ready: false,
        once: true,
        needs_type,
        request,
    }
}

/// Deletes exactly this task.
async fn delete(ctx: &Context, task: &SeiNodeTask) -> Result<(), PassError> {
    let api: Api<SeiNodeTask> = Api::namespaced(ctx.client.clone(), &task.namespace().unwrap_or_default());
    let this = Preconditions { uid: task.uid(), resource_version: None };
    match api.delete(&task.name_any(), &DeleteParams::default().preconditions(this)).await {
        Ok(_) => Ok(()),
        // It was deleted, or replaced by another one with its name.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(source) => {
            Err(PassError::Api { doing: "delete", object: described(task), source: Box::new(source) })
        }
    }
}
