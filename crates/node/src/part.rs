//! The parts of a node that a spec defines, so that a mistake blocks only the tasks that use the invalid
//! part.

/// A part of the node that tasks build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The pod and its related objects.
    Pod,
    /// The files of the Sei configuration.
    Configuration,
    /// The persistent peers.
    Peers,
    /// The first state: a snapshot, state sync, a bootstrap Job.
    State,
    /// The member's part in a genesis ceremony.
    Ceremony,
}
