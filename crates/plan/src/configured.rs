//! What a node was configured with: fields that its first plan writes to the volume, and no later plan.

use sei_api::{
    SeiNode,
    v1alpha1::{Configured, TaskPlan},
};
use sei_node::Node;
use serde::Serialize;
use serde_json::Value;

use crate::{OfKind, TaskKind, build, id::digest, is_outdated};

/// What a node is configured with whose configuration is as its spec says.
pub fn configured(node: &SeiNode) -> Configured {
    Configured {
        overrides: digest_of(&node.spec.overrides.clone().unwrap_or_default()),
        peers: digest_of(&node.spec.peers.clone().unwrap_or_default()),
    }
}

/// What the completed `plan` has configured; `None` for one that configures nothing. The spec may have changed since the
/// plan was made.
pub fn configured_by(plan: &TaskPlan, node: &Node<'_>) -> Option<Configured> {
    params(plan, TaskKind::ConfigApply)?;
    let now = configured(node.object);
    if !is_outdated(plan, node.object) {
        return Some(now);
    }
    let wanted = build::init(node, &plan.id);
    let is_same = |kind| params(plan, kind) == params(&wanted, kind);
    Some(Configured {
        overrides: if is_same(TaskKind::ConfigApply) { now.overrides } else { String::new() },
        peers: if is_same(TaskKind::DiscoverPeers) { now.peers } else { String::new() },
    })
}

/// The parameters of the last task of kind `kind`, but for how they are written.
fn params(plan: &TaskPlan, kind: TaskKind) -> Option<Value> {
    let mut params = plan.tasks.iter().rev().find(|task| task.is(kind))?.params.clone()?;
    if let Value::Object(params) = &mut params {
        params.remove("incremental");
    }
    Some(params)
}

fn digest_of(field: &impl Serialize) -> String {
    // Fields of an object of the API server always serialize.
    digest(&serde_json::to_vec(field).unwrap_or_default())
}
