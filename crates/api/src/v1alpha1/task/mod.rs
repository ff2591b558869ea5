//! `SeiNodeTask`: one operation on one SeiNode.

mod governance;
mod operation;
mod rules;
mod spec;
mod status;

pub use governance::{GovernanceVote, SoftwareUpgradeProposal, VoteOption};
pub use operation::Operation;
pub use spec::{
    MarkReady, NodeReference, RequiredPhase, RestartSeid, SeiNodeTask, SeiNodeTaskSpec, SnapshotUpload,
};
pub use status::{NodeTaskPhase, NodeTaskResult, SeiNodeTaskStatus};
