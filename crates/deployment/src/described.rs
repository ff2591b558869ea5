//! Human-readable descriptions of writes, for forecasts.

use std::sync::Arc;

use kube::ResourceExt;
use sei_api::{SeiNode, labels};
use sei_render::drift::differences;
use serde_json::{Value, json};

use crate::write::Write;

impl Write {
    /// Describes the write. `nodes` are the SeiNodes on which the decision was based.
    pub fn describe(&self, nodes: &[Arc<SeiNode>]) -> String {
        match self {
            Self::Mark => "adds the finalizer".to_owned(),
            Self::Unmark => "removes the finalizer".to_owned(),
            Self::TakeOver { name, .. } => format!("takes over the fields of SeiNode {name}"),
            Self::Create(node) => format!("creates SeiNode {}", node.name_any()),
            Self::Delete { name, .. } => format!("deletes SeiNode {name}"),
            Self::Release { name, .. } => format!("releases SeiNode {name}"),
            Self::ApplyObject(object) => format!("applies {} {}", object.kind().as_str(), object.name()),
            Self::DeleteObject { kind, name, .. } => format!("deletes {} {name}", kind.as_str()),
            Self::ReleaseObject { kind, name, .. } => format!("releases {} {name}", kind.as_str()),
            Self::Apply { name, patch } => {
                let fields = changed(name, patch, nodes);
                match fields.is_empty() {
                    true if allows_sidecar_update(name, patch, nodes) => {
                        format!("allows SeiNode {name} to replace the images of its sidecar")
                    }
                    true => format!("updates labels and annotations of SeiNode {name}"),
                    false if changes_image(&fields) => {
                        format!("updates SeiNode {name} ({}), which replaces its pod", fields.join(", "))
                    }
                    false => format!("updates SeiNode {name} ({})", fields.join(", ")),
                }
            }
        }
    }

    /// Whether it changes the image of a SeiNode.
    pub fn replaces_pod(&self, nodes: &[Arc<SeiNode>]) -> bool {
        matches!(self, Self::Apply { name, patch } if changes_image(&changed(name, patch, nodes)))
    }
}

/// The fields of the spec that `patch` changes.
fn changed(name: &str, patch: &Value, nodes: &[Arc<SeiNode>]) -> Vec<String> {
    let live = nodes.iter().find(|node| node.name_any() == name);
    let spec = live.map(|node| json!(node.spec)).unwrap_or_default();
    differences(&patch["spec"], &spec)
}

/// Whether `patch` newly allows replacing the sidecar images.
fn allows_sidecar_update(name: &str, patch: &Value, nodes: &[Arc<SeiNode>]) -> bool {
    let live = nodes.iter().find(|node| node.name_any() == name);
    !patch["metadata"]["annotations"][labels::SIDECAR_UPDATE_ANNOTATION].is_null()
        && !live.is_some_and(|node| labels::allows_sidecar_update(node))
}

fn changes_image(fields: &[String]) -> bool {
    fields.iter().any(|field| field == "/image")
}
