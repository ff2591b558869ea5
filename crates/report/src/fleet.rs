//! All requested nodes and groups.

use serde::Serialize;
use serde_json::Value;

use crate::{group::GroupLine, health::Health, node::NodeLine};

/// Nodes and groups, each sorted by namespace and name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Fleet {
    /// The groups.
    pub groups: Vec<GroupLine>,
    /// The nodes.
    pub nodes: Vec<NodeLine>,
}

/// Number of objects by health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects that match their spec.
    pub ready: usize,
    /// Objects that are in progress or waiting.
    pub waiting: usize,
    /// Objects that require manual intervention.
    pub stalled: usize,
}

impl Fleet {
    /// Creates a fleet from SeiNodes and SeiNodeDeployments as returned by the API server.
    pub fn of(nodes: &[Value], groups: &[Value]) -> Self {
        Self::sorted(nodes.iter().map(NodeLine::of).collect(), groups.iter().map(GroupLine::of).collect())
    }

    /// Creates a fleet from these lines.
    pub fn sorted(mut nodes: Vec<NodeLine>, mut groups: Vec<GroupLine>) -> Self {
        nodes.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        groups.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        Self { groups, nodes }
    }

    /// Number of nodes by health.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for node in &self.nodes {
            match node.health {
                Health::Ready => counts.ready += 1,
                Health::Waiting => counts.waiting += 1,
                Health::Stalled => counts.stalled += 1,
            }
        }
        counts
    }

    /// Whether every node and group matches its spec.
    pub fn is_ready(&self) -> bool {
        let nodes = self.nodes.iter().map(|node| node.health);
        nodes.chain(self.groups.iter().map(|group| group.health)).all(|health| health == Health::Ready)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(type_: &str, status: &str, reason: &str) -> Value {
        json!({ "type": type_, "status": status, "reason": reason, "message": format!("{reason}."),
            "lastTransitionTime": "2030-01-01T00:00:00Z" })
    }

    fn node(name: &str, conditions: &[Value]) -> Value {
        json!({ "metadata": { "name": name, "namespace": "sei" },
            "spec": { "chainId": "c", "image": "seid:1", "fullNode": {} },
            "status": { "conditions": conditions } })
    }

    #[test]
    fn the_health_of_a_node_follows_its_conditions() {
        let fleet = Fleet::of(
            &[
                node("d", &[]),
                node(
                    "c",
                    &[condition("Ready", "False", "PlanFailed"), condition("Stalled", "True", "PlanFailed")],
                ),
                node("b", &[condition("Ready", "False", "WaitingForPod")]),
                node("a", &[condition("Ready", "True", "NodeReady")]),
            ],
            &[],
        );
        let said: Vec<_> =
            fleet.nodes.iter().map(|node| (node.name.as_str(), node.health, node.reason.as_str())).collect();
        assert_eq!(
            said,
            [
                ("a", Health::Ready, "NodeReady"),
                ("b", Health::Waiting, "WaitingForPod"),
                ("c", Health::Stalled, "PlanFailed"),
                ("d", Health::Waiting, "NotReconciled"),
            ]
        );
        assert_eq!(fleet.counts(), Counts { ready: 1, waiting: 2, stalled: 1 });
        assert!(!fleet.is_ready());
    }

    #[test]
    fn an_undecodable_object_is_shown_with_the_field() {
        let mut bad = node("bad", &[]);
        bad["spec"]["overrides"] = json!(7);
        let fleet = Fleet::of(&[bad, node("good", &[condition("Ready", "True", "NodeReady")])], &[]);
        assert_eq!(fleet.nodes[0].reason, "Unreadable");
        assert!(fleet.nodes[0].message.contains("spec.overrides"), "{}", fleet.nodes[0].message);
        assert_eq!(fleet.nodes[1].health, Health::Ready);
    }

    #[test]
    fn a_group_that_is_not_ready_makes_the_fleet_not_ready() {
        let group = json!({ "metadata": { "name": "g", "namespace": "sei" },
            "spec": { "replicas": 3, "template": { "spec": { "chainId": "c", "image": "seid:1", "fullNode": {} } } },
            "status": { "updatedReplicas": 1, "availableReplicas": 2, "conditions": [condition("Ready", "False", "UpdateInProgress")] } });
        let fleet = Fleet::of(&[], &[group]);
        let line = &fleet.groups[0];
        assert_eq!((line.replicas, line.updated, line.available), (3, 1, 2));
        assert!(!fleet.is_ready());
    }
}
