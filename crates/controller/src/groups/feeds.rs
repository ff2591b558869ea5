//! The watches of groups and of their objects. SeiNodes come from the watch of their own reconciler.

use std::sync::Arc;

use k8s_openapi::api::{core::v1::Service, policy::v1::PodDisruptionBudget};
use kube::runtime::{
    WatchStreamExt,
    reflector::{ObjectRef, store::Writer},
    watcher,
};
use sei_api::{SeiNodeDeployment, labels};
use sei_deployment::HTTPRoute;
use tokio::task::JoinSet;

use super::{
    context::{BUDGETS, Context, GROUPS, ROUTES, SERVICES},
    memory::Written,
    stores::Writers,
};
use crate::{
    feed::{Feed, PAGE},
    fill::Change,
    trim,
    unreadable::Names,
};

/// Starts the watches of the scope of `ctx`. None of the tasks ends.
pub(crate) fn start(tasks: &mut JoinSet<()>, ctx: &Arc<Context>, writers: Writers, namespace: Option<&str>) {
    let (client, metrics, progress) = (&ctx.client, &ctx.metrics, &ctx.progress);
    let mut feed = Feed { client, metrics, progress, namespace, tasks };
    groups(&mut feed, ctx, writers.groups);
    services(&mut feed, ctx, writers.services);
    budgets(&mut feed, ctx, writers.budgets);
    if ctx.gateway.is_some() {
        routes(&mut feed, ctx, writers.http_routes);
    }
}

fn groups(feed: &mut Feed<'_>, ctx: &Arc<Context>, writer: Writer<SeiNodeDeployment>) {
    let events = feed.readable(&ctx.events, ctx.groups.clone(), Names::default());
    let ctx = Arc::clone(ctx);
    feed.spawn(GROUPS, feed.health(GROUPS).optional(), events.modify(trim::group), writer, move |change| {
        match change {
            Change::Present(group, _) => ctx.wake(ObjectRef::from_obj(group)),
            Change::Gone(group) => {
                ctx.forget(group);
                ctx.wake_rivals(group);
            }
            Change::Recovered => ctx.retry_failed(),
        }
    });
}

/// Services of SeiNodes have the label of their group too.
fn services(feed: &mut Feed<'_>, ctx: &Arc<Context>, writer: Writer<Service>) {
    let of_groups = format!("{},!{}", labels::DEPLOYMENT, labels::NODE);
    let events =
        watcher(feed.api::<Service>(), watcher::Config::default().page_size(PAGE).labels(&of_groups));
    let ctx = Arc::clone(ctx);
    feed.spawn(SERVICES, feed.health(SERVICES), events.modify(trim::group_service), writer, move |change| {
        object_changed(&ctx, &change);
    });
}

/// PodDisruptionBudgets of every owner: any of them may select pods of a group.
fn budgets(feed: &mut Feed<'_>, ctx: &Arc<Context>, writer: Writer<PodDisruptionBudget>) {
    let events = watcher(feed.api::<PodDisruptionBudget>(), watcher::Config::default().page_size(PAGE));
    let ctx = Arc::clone(ctx);
    feed.spawn(BUDGETS, feed.health(BUDGETS), events.modify(trim::budget), writer, move |change| {
        object_changed(&ctx, &change);
        if let Change::Present(budget, _) | Change::Gone(budget) = change {
            ctx.wake_namespace(budget.metadata.namespace.as_deref());
        }
    });
}

/// HTTPRoutes, if the kind is installed. Without a Gateway there are none.
fn routes(feed: &mut Feed<'_>, ctx: &Arc<Context>, writer: Writer<HTTPRoute>) {
    let config = watcher::Config::default().page_size(PAGE).labels(labels::DEPLOYMENT);
    let events = watcher(feed.api::<HTTPRoute>(), config);
    let ctx = Arc::clone(ctx);
    feed.spawn(ROUTES, feed.health(ROUTES).optional(), events.modify(trim::route), writer, move |change| {
        object_changed(&ctx, &change);
        if let Change::Present(route, _) | Change::Gone(route) = change {
            ctx.wake_namesakes(route);
        }
    });
}

fn object_changed<K: Written>(ctx: &Context, change: &Change<'_, K>) {
    let (Change::Present(object, _) | Change::Gone(object)) = change else { return };
    if matches!(change, Change::Gone(_)) {
        ctx.object_gone(*object);
    }
    ctx.wake_groups_of(*object);
}
