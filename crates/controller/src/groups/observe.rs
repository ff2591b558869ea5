//! The observed state of a group: the group, its SeiNodes and its other objects, including writes that the caches do not
//! have yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::api::{core::v1::Service, policy::v1::PodDisruptionBudget};
use kube::{Api, ResourceExt, runtime::reflector::Store};
use sei_api::{SeiNode, SeiNodeDeployment};
use sei_deployment::{
    Color, HTTPRoute, Halt, Height, Object, ObjectKind, Observed, concerns, is_owned_by, objects,
};

use super::{ceremony, context::Context, memory::Written};
use crate::{error::PassError, heights::Awaited, reconciled::described};

pub(super) async fn observe(ctx: &Context, cached: &Arc<SeiNodeDeployment>) -> Result<Observed, PassError> {
    let newest = ctx.memory(cached, |memory| memory.group.newest(Some(Arc::clone(cached))));
    let group = newest.unwrap_or_else(|| Arc::clone(cached));
    let nodes = ctx.nodes.state_filter(|node: &SeiNode| concerns(&group, node));
    let nodes = ctx.memory(&group, |memory| memory.newest(nodes));
    let routes = ctx.routes();
    // Only their names matter here.
    let wanted = objects(&group, Color::default(), &routes);
    let rivals = rivals(ctx, &group, &wanted);
    let wanted = |kind: ObjectKind| {
        wanted.iter().filter(|object| object.kind() == kind).map(Object::name).collect::<BTreeSet<_>>()
    };
    let mut found = named::<Service>(ctx, &group, &ctx.services, &wanted(ObjectKind::Service)).await?;
    found.extend(budgets(ctx, &group));
    found.extend(named::<HTTPRoute>(ctx, &group, &ctx.http_routes, &wanted(ObjectKind::HTTPRoute)).await?);
    let mut observed = Observed {
        ceremony: ceremony::observe(ctx, &group, &nodes).await,
        nodes,
        unreadable: ctx.unreadable_nodes.of(&group.namespace().unwrap_or_default()),
        objects: found,
        halts: BTreeMap::new(),
        heights: BTreeMap::new(),
        knows_budgets: ctx.knows_budgets(),
        rivals,
        routes,
        domain: ctx.domain.clone(),
        now: Timestamp::now(),
        group,
    };
    observed.halts = halts(ctx, &observed);
    observed.heights = heights(ctx, &observed);
    Ok(observed)
}

/// The progress of each seid towards the height at which the group waits for it to halt. The others are no longer
/// watched.
fn halts(ctx: &Context, observed: &Observed) -> BTreeMap<String, Halt> {
    let changed: Arc<dyn Fn() + Send + Sync> = Arc::new(ctx.waker(&observed.group));
    let awaited = observed.awaits_halt();
    let own = observed.nodes.iter().filter(|node| is_owned_by(&***node, &observed.group));
    let halts = own.filter_map(|node| {
        let name = node.name_any();
        let height = awaited.get(&name);
        let halt = height.map(|height| Awaited {
            node: node.uid().unwrap_or_default(),
            height: *height,
            changed: Arc::clone(&changed),
        });
        let namespace = node.namespace().unwrap_or_default();
        let halt = ctx.metrics.heights().await_halt(&namespace, &name, halt);
        height.map(|_| (name, halt))
    });
    halts.collect()
}

/// Heights of the seids that an update compares.
fn heights(ctx: &Context, observed: &Observed) -> BTreeMap<String, Height> {
    let namespace = observed.group.namespace().unwrap_or_default();
    let known = observed.awaits_heights().into_iter().filter_map(|node| {
        let seid = ctx.metrics.heights().of(&namespace, &node)?;
        Some((node, Height { latest: seid.height, is_catching_up: seid.catching_up }))
    });
    known.collect()
}

/// The objects of one kind that the group owns, and those with the names `wanted`. An object without the label is in no
/// cache: it has another owner, or its label was removed.
async fn named<K: Written>(
    ctx: &Context,
    group: &SeiNodeDeployment,
    store: &Store<K>,
    wanted: &BTreeSet<&str>,
) -> Result<Vec<Object>, PassError>
where
    Object: From<Arc<K>>,
{
    let namespace = group.namespace().unwrap_or_default();
    let concerns = |object: &K| {
        object.namespace().as_deref() == Some(&namespace)
            && (is_owned_by(object, group) || wanted.contains(object.name_any().as_str()))
    };
    let cached = store.state_filter(concerns);
    let mut found = ctx.memory(group, |memory| memory.newest(cached));
    let api: Api<K> = Api::namespaced(ctx.client.clone(), &namespace);
    for name in wanted {
        if found.iter().any(|object| object.name_any() == *name) {
            continue;
        }
        let live = api.get_opt(name).await.map_err(|source| PassError::Api {
            doing: "read an object of",
            object: described(group),
            source: Box::new(source),
        })?;
        found.extend(live.map(|mut object| {
            object.trim();
            Arc::new(object)
        }));
    }
    Ok(found.into_iter().map(Object::from).collect())
}

/// HTTPRoutes of groups in other namespaces with a host name of one that is wanted.
fn rivals(ctx: &Context, group: &SeiNodeDeployment, wanted: &[Object]) -> Vec<Arc<HTTPRoute>> {
    let host_names: BTreeSet<_> = wanted
        .iter()
        .filter_map(|object| match object {
            Object::HTTPRoute(route) => Some(&route.spec.hostnames),
            Object::Service(_) | Object::PodDisruptionBudget(_) => None,
        })
        .flatten()
        .collect();
    let is_rival = |route: &HTTPRoute| {
        route.metadata.namespace != group.metadata.namespace
            && route.spec.hostnames.iter().any(|name| host_names.contains(name))
    };
    ctx.everywhere.iter().flat_map(|scope| scope.http_routes.state_filter(is_rival)).collect()
}

/// All PodDisruptionBudgets of the namespace: one of another owner may select the pods of the group.
fn budgets(ctx: &Context, group: &SeiNodeDeployment) -> impl Iterator<Item = Object> + use<> {
    let namespace = group.namespace();
    let cached =
        ctx.budgets.state_filter(|budget: &PodDisruptionBudget| budget.metadata.namespace == namespace);
    ctx.memory(group, |memory| memory.newest(cached)).into_iter().map(Object::from)
}
