//! Which machines a pod may run on: those of the platform's node pool for the mode.

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Toleration,
};
use sei_api::{SeiNode, v1alpha1::Mode};

use crate::{Platform, platform::Size};

/// What the mode of `node` is sized and placed by. A file without a mode counts as a full node.
pub(crate) fn size<'a>(node: &SeiNode, platform: &'a Platform) -> &'a Size {
    platform.size(node.spec.mode().unwrap_or(Mode::FullNode))
}

pub(crate) fn tolerations(node: &SeiNode, platform: &Platform) -> Vec<Toleration> {
    vec![Toleration {
        key: Some(platform.toleration_key.clone()),
        value: Some(size(node, platform).node_pool.clone()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    }]
}

pub(crate) fn affinity(node: &SeiNode, platform: &Platform) -> Affinity {
    let in_pool = NodeSelectorRequirement {
        key: "karpenter.sh/nodepool".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![size(node, platform).node_pool.clone()]),
    };
    let term = NodeSelectorTerm { match_expressions: Some(vec![in_pool]), ..NodeSelectorTerm::default() };
    let required = NodeSelector { node_selector_terms: vec![term] };
    Affinity {
        node_affinity: Some(NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(required),
            ..NodeAffinity::default()
        }),
        ..Affinity::default()
    }
}
