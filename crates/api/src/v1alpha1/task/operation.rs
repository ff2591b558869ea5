//! The operations of a SeiNodeTask.

use super::{GovernanceVote, SeiNodeTaskSpec, SoftwareUpgradeProposal};

/// The operation that a spec sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation<'a> {
    /// Restarts only seid.
    RestartSeid,
    /// Lets seid start.
    MarkReady,
    /// Uploads one snapshot.
    SnapshotUpload,
    /// Votes on a proposal.
    GovernanceVote(&'a GovernanceVote),
    /// Proposes an upgrade.
    SoftwareUpgradeProposal(&'a SoftwareUpgradeProposal),
}

impl SeiNodeTaskSpec {
    /// The operation. Admission ensures exactly one; a stored object may have none or several, and then `None` is returned.
    pub fn operation(&self) -> Option<Operation<'_>> {
        let set = [
            self.restart_seid.as_ref().map(|_| Operation::RestartSeid),
            self.mark_ready.as_ref().map(|_| Operation::MarkReady),
            self.snapshot_upload.as_ref().map(|_| Operation::SnapshotUpload),
            self.governance_vote.as_ref().map(Operation::GovernanceVote),
            self.software_upgrade_proposal.as_ref().map(Operation::SoftwareUpgradeProposal),
        ];
        let mut set = set.into_iter().flatten();
        set.next().filter(|_| set.next().is_none())
    }
}

impl Operation<'_> {
    /// The field of the spec, as shown by `kubectl get`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RestartSeid => "restartSeid",
            Self::MarkReady => "markReady",
            Self::SnapshotUpload => "snapshotUpload",
            Self::GovernanceVote(_) => "governanceVote",
            Self::SoftwareUpgradeProposal(_) => "softwareUpgradeProposal",
        }
    }

    /// Type of the sidecar task.
    pub fn task_type(self) -> &'static str {
        match self {
            Self::RestartSeid => "restart-seid",
            Self::MarkReady => "mark-ready",
            Self::SnapshotUpload => "snapshot-upload-once",
            Self::GovernanceVote(_) => "gov-vote",
            Self::SoftwareUpgradeProposal(_) => "gov-software-upgrade",
        }
    }

    /// The first release of the sidecar in which the operation is safe to use.
    pub fn first_release(self) -> &'static str {
        match self {
            Self::RestartSeid => "v0.0.56",
            Self::MarkReady => "v0.0.47",
            Self::SnapshotUpload => "v0.0.66",
            Self::GovernanceVote(_) | Self::SoftwareUpgradeProposal(_) => "v0.0.64",
        }
    }

    /// Another task type that shows whether the release is late enough. Sidecars before v0.0.61 sign a second transaction
    /// when they restart during a governance task, and mark-not-ready is the first type after that.
    pub fn needs_type(self) -> Option<&'static str> {
        match self {
            Self::GovernanceVote(_) | Self::SoftwareUpgradeProposal(_) => Some("mark-not-ready"),
            Self::RestartSeid | Self::MarkReady | Self::SnapshotUpload => None,
        }
    }

    /// Default of `timeoutSeconds`: longer than the limit of the sidecar itself.
    pub fn default_timeout_seconds(self) -> i64 {
        match self {
            Self::SnapshotUpload => 9_000,
            _ => 900,
        }
    }
}
