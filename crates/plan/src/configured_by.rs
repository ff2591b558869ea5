//! What a plan has written to the configuration of a node.

use sei_api::v1alpha1::{Configured, TaskPlan};
use sei_node::Node;
use serde_json::Value;

use crate::{
    OfKind, PlanInputs, Purpose, TaskKind, build,
    configured::configured,
    is_outdated,
    stored::{has, is_done, is_incomplete},
};

/// The record of what the completed `plan` has configured; `None` if it did not configure anything. The spec may have
/// changed since the plan was created.
pub fn configured_by(plan: &TaskPlan, node: &Node<'_>) -> Option<Configured> {
    let was = Intent::of(plan)?;
    let now = configured(node.object);
    if !is_outdated(plan, node.object) {
        return Some(now);
    }
    let wanted = match Purpose::of(plan) {
        Purpose::Update => {
            // It did without what its sidecar could not find.
            let lacks_discovery = !has(plan, TaskKind::DiscoverPeers);
            build::update_on(node, &PlanInputs { lacks_discovery, ..PlanInputs::default() }, &plan.id)
        }
        Purpose::Init | Purpose::MarkReady => build::init(node, &plan.id),
    };
    let wanted = Intent::of(&wanted)?;
    Some(Configured {
        overrides: if was.overrides == wanted.overrides { now.overrides } else { String::new() },
        peers: if was.peers == wanted.peers { now.peers } else { String::new() },
    })
}

/// [`configured_by`] for an update that has replaced the pod but is not complete yet, or never will be.
pub fn configured_so_far(plan: &TaskPlan, node: &Node<'_>) -> Option<Configured> {
    let has_restarted = is_done(plan, TaskKind::ConfigApply) && !is_incomplete(plan, TaskKind::ReplacePod);
    (has_restarted && Purpose::of(plan) == Purpose::Update).then(|| configured_by(plan, node))?
}

/// What a plan writes, regardless of how.
struct Intent {
    overrides: Value,
    /// The sources of peers, for the operator and for the sidecar.
    peers: [Option<Value>; 2],
}

impl Intent {
    /// The intent of the last `config-apply` of `plan`.
    fn of(plan: &TaskPlan) -> Option<Self> {
        let last = |kind| plan.tasks.iter().rev().find(|task| task.is(kind))?.params.clone();
        let mut overrides = last(TaskKind::ConfigApply)?;
        let fields = overrides.as_object_mut()?;
        fields.remove("incremental");
        let peers = [fields.remove("peers"), last(TaskKind::DiscoverPeers)];
        Some(Self { overrides, peers })
    }
}

#[cfg(test)]
mod tests {
    use sei_api::SeiNode;
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
        let mut update = build::update(&Node::of(&before), "q");
        update.generation = Some(1);
        assert_eq!(configured_by(&update, &Node::of(&before)), Some(configured(&before)));
        let by = configured_by(&update, &Node::of(&after)).unwrap();
        assert_eq!((by.overrides.as_str(), &by.peers), ("", &configured(&after).peers));
        let restart = build::mark_ready(&Node::of(&before), "r");
        assert_eq!(configured_by(&restart, &Node::of(&before)), None, "mark-ready configures nothing");
    }
}
