//! The recorded configuration of a node: fields that only its first plan writes to the volume.

use sei_api::{
    SeiNode,
    v1alpha1::{Configured, TaskPlan},
};
use sei_node::Node;
use serde::Serialize;
use serde_json::Value;

use crate::{OfKind, TaskKind, build, id::digest, is_outdated};

/// The record for a node whose configuration matches its spec.
pub fn configured(node: &SeiNode) -> Configured {
    Configured {
        overrides: digest_of(&node.spec.overrides.clone().unwrap_or_default()),
        peers: digest_of(&node.spec.peers.clone().unwrap_or_default()),
    }
}

/// The record of what the completed `plan` has configured; `None` if it configures nothing. The spec may have
/// changed since the plan was created.
pub fn configured_by(plan: &TaskPlan, node: &Node<'_>) -> Option<Configured> {
    let (overrides, peers) = intent(plan)?;
    let now = configured(node.object);
    if !is_outdated(plan, node.object) {
        return Some(now);
    }
    let (wanted_overrides, wanted_peers) = intent(&build::init(node, &plan.id))?;
    Some(Configured {
        overrides: if overrides == wanted_overrides { now.overrides } else { String::new() },
        peers: if peers == wanted_peers { now.peers } else { String::new() },
    })
}

/// What the last `config-apply` of `plan` writes, regardless of how, and the sources of peers.
fn intent(plan: &TaskPlan) -> Option<(Value, Option<Value>)> {
    let mut params = plan.tasks.iter().rev().find(|task| task.is(TaskKind::ConfigApply))?.params.clone()?;
    let fields = params.as_object_mut()?;
    fields.remove("incremental");
    let peers = fields.remove("peers");
    Some((params, peers))
}

fn digest_of(field: &impl Serialize) -> String {
    // Fields of an object of the API server always serialize.
    digest(&serde_json::to_vec(field).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(generation: i64, port: &str) -> SeiNode {
        let peers = json!([{ "static": { "addresses": ["0123456789abcdef0123456789abcdef01234567@b:1"] } }]);
        let spec = json!({
            "chainId": "c", "image": "i", "fullNode": {}, "peers": peers,
            "overrides": { "evm.http_port": port },
        });
        let metadata = json!({ "name": "node-0", "generation": generation });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    #[test]
    fn a_field_that_changed_since_the_plan_was_created_does_not_count_as_configured() {
        let (before, after) = (node(1, "8545"), node(2, "8546"));
        let mut plan = build::init(&Node::of(&before), "p");
        plan.generation = Some(1);
        assert_eq!(configured_by(&plan, &Node::of(&before)), Some(configured(&before)));
        let by = configured_by(&plan, &Node::of(&after)).unwrap();
        assert_eq!((by.overrides.as_str(), &by.peers), ("", &configured(&after).peers));
        let update = build::update(&Node::of(&before), "q");
        assert_eq!(configured_by(&update, &Node::of(&before)), None, "an update configures nothing");
    }
}
