//! Replica counts, as in the status of a Deployment.

use sei_api::SeiNodeDeployment;

use crate::{
    availability::is_ready,
    members::{Child, Members},
};

pub(super) struct Counts {
    /// Desired by the spec.
    pub(super) wanted: i64,
    /// SeiNodes of the group that are not being deleted, including those above the replicas.
    pub(super) existing: i64,
    pub(super) updated: i64,
    pub(super) ready: i64,
    pub(super) available: i64,
    /// Desired SeiNodes that are not available.
    pub(super) unavailable: i64,
}

impl Counts {
    pub(super) fn of(group: &SeiNodeDeployment, members: &Members) -> Self {
        let count = |holds: &dyn Fn(&Child) -> bool| {
            number(members.children().filter(|(_, child)| holds(child)).count())
        };
        let staying = members.surplus.iter().chain(&members.strays);
        let staying = staying.filter(|node| node.metadata.deletion_timestamp.is_none()).count();
        let wanted = i64::from(group.spec.replicas());
        let available = count(&Child::is_available);
        Self {
            wanted,
            existing: count(&|_| true) + number(staying),
            updated: count(&Child::is_updated),
            ready: count(&|child| is_ready(&child.node)),
            available,
            unavailable: wanted - available,
        }
    }

    /// Whether every desired node is available and runs the template.
    pub(super) fn is_complete(&self) -> bool {
        self.available == self.wanted && self.updated == self.wanted
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
