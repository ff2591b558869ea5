//! The keys that the configuration on a volume overrides. A sidecar changes it in place, and cannot safely remove a
//! key: seid does not know the default of the mode and would start with its own.

use std::collections::BTreeSet;

use sei_api::v1alpha1::{PlannedTask, TaskPlan, TaskStatus};
use sei_node::Node;

use crate::{
    ConfigIntent, OfKind, TaskKind,
    config_intent::EVM_SPLIT,
    intent::{LOG_LEVEL, STATE_SYNC, config_intent},
};

/// Keys that the operator sets as needed.
const OURS: [&str; 3] = [LOG_LEVEL.0, STATE_SYNC, EVM_SPLIT];

/// The keys that are overridden once the completed tasks of `plan` have configured a volume on which those in `were`
/// were overridden before.
pub fn overridden_by(plan: &TaskPlan, were: BTreeSet<String>) -> BTreeSet<String> {
    let done = |task: &&PlannedTask| task.is(TaskKind::ConfigApply) && task.status == TaskStatus::Complete;
    plan.tasks.iter().filter(done).fold(were, |were, task| {
        let intent =
            task.params.clone().and_then(|params| serde_json::from_value::<ConfigIntent>(params).ok());
        let Some(intent) = intent else { return were };
        let kept = if intent.incremental { were } else { BTreeSet::new() };
        kept.into_iter().chain(keys(intent)).collect()
    })
}

/// The keys that the spec of `node` overrides.
pub fn overridden(node: &Node<'_>) -> BTreeSet<String> {
    keys(config_intent(node)).collect()
}

fn keys(intent: ConfigIntent) -> impl Iterator<Item = String> {
    intent.overrides.into_keys().filter(|key| !OURS.contains(&key.as_str()))
}

#[cfg(test)]
mod tests {
    use sei_api::SeiNode;
    use serde_json::{Value, json};

    use super::*;
    use crate::build;

    fn node(overrides: Value) -> SeiNode {
        let spec = json!({ "chainId": "c", "image": "i", "fullNode": {}, "overrides": overrides });
        serde_json::from_value(json!({ "metadata": { "name": "node-0" }, "spec": spec })).unwrap()
    }

    fn complete(mut plan: TaskPlan) -> TaskPlan {
        plan.tasks.iter_mut().for_each(|task| task.status = TaskStatus::Complete);
        plan
    }

    #[test]
    fn a_key_is_overridden_until_the_configuration_is_written_whole() {
        let (first, second) = (node(json!({ "evm.http_port": "1" })), node(json!({ "evm.ws_port": "2" })));
        let set = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>();
        let init = build::init(&Node::of(&first), "p");
        assert_eq!(overridden_by(&init, set(&["chain.abci"])), set(&["chain.abci"]), "it has not run");
        let were = overridden_by(&complete(init), set(&["chain.abci"]));
        assert_eq!(were, set(&["evm.http_port"]));
        let update = complete(build::update(&Node::of(&second), "q"));
        let were = overridden_by(&update, were);
        assert_eq!(were, set(&["evm.http_port", "evm.ws_port"]), "it was changed in place");
        assert_eq!(overridden_by(&build::mark_ready(&Node::of(&second), "r"), were.clone()), were);
        assert_eq!(overridden(&Node::of(&second)), set(&["evm.ws_port"]));
    }
}
