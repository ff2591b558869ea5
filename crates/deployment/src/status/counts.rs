//! Replica counts, as in the status of a Deployment.

use sei_api::SeiNodeDeployment;

use crate::{availability::is_ready, blue_green::BlueGreen, member::Child, members::Members};

pub(super) struct Counts {
    /// Desired by the spec.
    pub(super) wanted: i64,
    /// SeiNodes of the group that are not being deleted, including those above the replicas and of both sets.
    pub(super) existing: i64,
    pub(super) updated: i64,
    pub(super) ready: i64,
    pub(super) available: i64,
    /// Desired SeiNodes that are not available.
    pub(super) unavailable: i64,
    /// SeiNodes of a set that is not serving are left.
    is_doubled: bool,
}

impl Counts {
    pub(super) fn of(
        group: &SeiNodeDeployment,
        members: &Members,
        replacement: Option<&BlueGreen<'_>>,
    ) -> Self {
        let count = |holds: &dyn Fn(&Child) -> bool| {
            number(members.children().filter(|(_, child)| holds(child)).count())
        };
        let all = members.serving.nodes.iter().chain(&members.other.nodes).chain(&members.strays);
        let staying = all.filter(|node| node.metadata.deletion_timestamp.is_none()).count();
        let target = replacement.map_or(&members.serving, BlueGreen::new_set);
        let wanted = i64::from(group.spec.replicas());
        let available = count(&Child::is_available);
        Self {
            wanted,
            existing: number(staying),
            updated: number(target.children().filter(|(_, child)| child.is_updated()).count()),
            ready: count(&|child| is_ready(&child.node)),
            available,
            unavailable: wanted - available,
            is_doubled: !members.other.nodes.is_empty(),
        }
    }

    /// Whether every desired node is available and runs the template.
    pub(super) fn is_complete(&self) -> bool {
        self.available == self.wanted && self.updated == self.wanted && !self.is_doubled
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
