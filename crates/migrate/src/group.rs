//! The forecast of a SeiNodeDeployment: the group's decision, with the fields of the Go controller treated as applied
//! by the operator.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use kube::ResourceExt;
use sei_api::{
    ClusterDomain, SeiNode, SeiNodeDeployment, conditions::is_true, deployment_conditions::ConditionType,
};
use sei_deployment::{Object, Observed, Routes, Write, concerns, decide, status, taken_over};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    cluster::Cluster,
    forecast::{Effect, Forecast},
};

pub(crate) fn forecast(
    cluster: &Cluster,
    object: &Value,
    domain: &ClusterDomain,
    now: Timestamp,
) -> Forecast {
    let mut forecast = Forecast::of("SeiNodeDeployment", object);
    let group: SeiNodeDeployment = match serde_path_to_error::deserialize(object) {
        Ok(group) => group,
        Err(error) => return forecast.unreadable(&error.to_string()),
    };
    let namespace = group.namespace().unwrap_or_default();
    let (mut nodes, mut unreadable) = (Vec::new(), BTreeSet::new());
    for object in cluster.nodes.iter().filter(|object| object["metadata"]["namespace"] == namespace) {
        match SeiNode::deserialize(object) {
            Ok(node) if concerns(&group, &node) => nodes.push(Arc::new(adopted(node))),
            Ok(_) => {}
            Err(_) => unreadable.extend(object["metadata"]["name"].as_str().map(str::to_owned)),
        }
    }
    let observed = Observed {
        objects: objects(cluster, &namespace),
        unreadable,
        halts: BTreeMap::new(),
        heights: BTreeMap::new(),
        knows_budgets: true,
        // HTTPRoutes do not change: the operator applies the same ones.
        routes: Routes::NoGateway,
        rivals: Vec::new(),
        nodes,
        group: Arc::new(group),
        domain: domain.clone(),
        ceremony: Default::default(),
        now,
    };
    let decision = decide(&observed);
    for write in &decision.writes {
        forecast.effect = forecast.effect.max(effect(write, &observed.nodes));
        forecast.steps.push(write.describe(&observed.nodes));
    }
    let status = status(&observed, &decision, &[]);
    match status.condition(ConditionType::Stalled).filter(|stalled| is_true(Some(stalled))) {
        Some(stalled) => forecast.stalls(&stalled.reason, &stalled.message),
        None => forecast,
    }
}

/// The objects of the namespace that a group may own, or whose names it may need.
fn objects(cluster: &Cluster, namespace: &str) -> Vec<Object> {
    let services = cluster.services.iter().cloned().map(|service| Object::from(Arc::new(service)));
    let budgets = cluster.budgets.iter().cloned().map(|budget| Object::from(Arc::new(budget)));
    let is_here = |object: &Object| object.metadata().namespace.as_deref() == Some(namespace);
    services.chain(budgets).filter(is_here).collect()
}

/// `node` after the operator has taken over the fields of the Go controller, with nothing else changed.
fn adopted(mut node: SeiNode) -> SeiNode {
    if let Some(fields) = taken_over(&node) {
        node.metadata.managed_fields = Some(fields);
    }
    node
}

/// The effect of a write on the group and its pods.
fn effect(write: &Write, nodes: &[Arc<SeiNode>]) -> Effect {
    match write {
        Write::Mark | Write::TakeOver { .. } => Effect::Adopts,
        Write::Create(_) => Effect::Starts,
        write if write.replaces_pod(nodes) => Effect::ReplacesPod,
        _ => Effect::Continues,
    }
}
