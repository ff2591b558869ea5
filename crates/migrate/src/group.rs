//! What becomes of a SeiNodeDeployment: the group's decision, after what the Go controller wrote counts as applied by the
//! operator.

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use sei_api::{
    ClusterDomain, SeiNode, SeiNodeDeployment, conditions::is_true, deployment_conditions::ConditionType,
};
use sei_deployment::{Object, Observed, Routes, Write, concerns, decide, status, taken_over};
use sei_render::drift::differences;
use serde::Deserialize;
use serde_json::{Value, json};

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
    let nodes = cluster.nodes.iter().filter_map(|node| SeiNode::deserialize(node).ok());
    let nodes: Vec<_> = nodes.filter(|node| concerns(&group, node)).map(adopted).collect();
    let namespace = group.namespace().unwrap_or_default();
    let observed = Observed {
        objects: objects(cluster, &namespace),
        knows_budgets: true,
        // HTTPRoutes stay as they are, with those that the operator applies being the same.
        routes: Routes::NoGateway,
        nodes: nodes.into_iter().map(Arc::new).collect(),
        group: Arc::new(group),
        domain: domain.clone(),
        now,
    };
    let decision = decide(&observed);
    for write in &decision.writes {
        let (effect, step) = describe(write, &observed);
        forecast.effect = forecast.effect.max(effect);
        forecast.steps.push(step);
    }
    let status = status(&observed, &decision, &[]);
    match status.condition(ConditionType::Stalled).filter(|stalled| is_true(Some(stalled))) {
        Some(stalled) => forecast.stalls(&stalled.reason, &stalled.message),
        None => forecast,
    }
}

/// The objects of the namespace that a group may own or need the names of.
fn objects(cluster: &Cluster, namespace: &str) -> Vec<Object> {
    let services = cluster.services.iter().cloned().map(|service| Object::from(Arc::new(service)));
    let budgets = cluster.budgets.iter().cloned().map(|budget| Object::from(Arc::new(budget)));
    let is_here = |object: &Object| object.metadata().namespace.as_deref() == Some(namespace);
    services.chain(budgets).filter(is_here).collect()
}

/// `node` after the operator has counted what the Go controller wrote as its own, which changes nothing else.
fn adopted(mut node: SeiNode) -> SeiNode {
    if let Some(fields) = taken_over(&node) {
        node.metadata.managed_fields = Some(fields);
    }
    node
}

fn describe(write: &Write, observed: &Observed) -> (Effect, String) {
    match write {
        Write::Mark => (Effect::Adopts, "gets the finalizer".to_owned()),
        Write::Unmark => (Effect::Continues, "its deletion ends".to_owned()),
        Write::TakeOver { name, .. } => (Effect::Adopts, format!("takes over the fields of SeiNode {name}")),
        Write::Create(node) => (Effect::Starts, format!("creates SeiNode {}", node.name_any())),
        Write::Delete { name, .. } => (Effect::Continues, format!("deletes SeiNode {name}")),
        Write::Release { name, .. } => (Effect::Continues, format!("releases SeiNode {name}")),
        Write::ApplyObject(object) => {
            (Effect::Continues, format!("applies {} {}", object.kind().as_str(), object.name()))
        }
        Write::DeleteObject { kind, name, .. } => {
            (Effect::Continues, format!("deletes {} {name}", kind.as_str()))
        }
        Write::ReleaseObject { kind, name, .. } => {
            (Effect::Continues, format!("releases {} {name}", kind.as_str()))
        }
        Write::Apply { name, patch } => {
            let live = observed.nodes.iter().find(|node| node.name_any() == *name);
            let spec = live.map(|node| json!(node.spec)).unwrap_or_default();
            let paths = differences(&patch["spec"], &spec);
            let changes_image = paths.iter().any(|path| path.trim_start_matches('/') == "image");
            match (paths.is_empty(), changes_image) {
                (true, _) => (Effect::Continues, format!("updates labels and annotations of SeiNode {name}")),
                (false, true) => (
                    Effect::ReplacesPod,
                    format!("updates SeiNode {name} ({}), which replaces its pod", paths.join(", ")),
                ),
                (false, false) => {
                    (Effect::Continues, format!("updates SeiNode {name} ({})", paths.join(", ")))
                }
            }
        }
    }
}
