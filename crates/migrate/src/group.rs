//! What becomes of a SeiNodeDeployment: the group's decision, after what the Go controller wrote counts as applied by the
//! operator.

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use sei_api::{SeiNode, SeiNodeDeployment, conditions::is_true, deployment_conditions::ConditionType};
use sei_deployment::{Observed, Write, concerns, decide, internal_service_name, status, taken_over};
use sei_render::drift::differences;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, find},
    forecast::{Effect, Forecast},
};

pub(crate) fn forecast(cluster: &Cluster, object: &Value, now: Timestamp) -> Forecast {
    let mut forecast = Forecast::of("SeiNodeDeployment", object);
    let group: SeiNodeDeployment = match serde_path_to_error::deserialize(object) {
        Ok(group) => group,
        Err(error) => return forecast.unreadable(&error.to_string()),
    };
    let nodes = cluster.nodes.iter().filter_map(|node| SeiNode::deserialize(node).ok());
    let nodes: Vec<_> = nodes.filter(|node| concerns(&group, node)).map(adopted).collect();
    let namespace = group.namespace().unwrap_or_default();
    let service = find(&cluster.services, &namespace, &internal_service_name(&group));
    let observed = Observed {
        internal_service: service.cloned().map(Arc::new),
        nodes: nodes.into_iter().map(Arc::new).collect(),
        group: Arc::new(group),
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
        Write::ApplyService(_) => (Effect::Continues, "applies its internal Service".to_owned()),
        Write::ReleaseService { .. } => (Effect::Continues, "releases its internal Service".to_owned()),
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
