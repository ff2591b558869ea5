//! Where a pod may be scheduled: on the platform's node pool for the mode.

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Toleration,
};

use crate::workload::Workload;

pub(crate) fn tolerations(workload: &Workload<'_>) -> Vec<Toleration> {
    vec![Toleration {
        key: Some(workload.platform.toleration_key.clone()),
        value: Some(workload.size().node_pool.clone()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    }]
}

pub(crate) fn affinity(workload: &Workload<'_>) -> Affinity {
    let in_pool = NodeSelectorRequirement {
        key: "karpenter.sh/nodepool".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![workload.size().node_pool.clone()]),
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
