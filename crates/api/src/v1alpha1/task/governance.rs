//! The governance operations, which sign transactions with the operator keyring of the node.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::v1alpha1::{lenient, schema::INTEGER_MAX};

/// A vote on a proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GovernanceVote {
    /// Number of the proposal.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(range(min = 1, max = INTEGER_MAX))]
    pub proposal_id: i64,
    /// The vote. Quote `"Yes"` and `"No"` in YAML, which reads them as booleans.
    pub option: VoteOption,
    /// Fees of the transaction.
    #[schemars(length(max = 32))]
    #[x_kube(validation = rules::USEI)]
    pub fees: String,
    /// Gas limit of the transaction.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(range(min = 1, max = INTEGER_MAX))]
    pub gas: i64,
    /// Memo of the transaction. The sidecar adds `taskID=` with `status.taskId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = rules::MEMO_MAX))]
    #[x_kube(validation = rules::MEMO)]
    pub memo: Option<String>,
}

/// How to vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VoteOption {
    /// For the proposal.
    Yes,
    /// Against it.
    No,
    /// Neither.
    Abstain,
    /// Against it, and against the return of its deposit.
    NoWithVeto,
}

impl VoteOption {
    /// The name of the option at the sidecar.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Abstain => "abstain",
            Self::NoWithVeto => "no_with_veto",
        }
    }
}

/// A proposal to upgrade the software of the chain at a height.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SoftwareUpgradeProposal {
    /// Title of the proposal.
    #[schemars(length(min = 1, max = 140))]
    pub title: String,
    /// Description of the proposal.
    #[schemars(length(min = 1, max = 10_000))]
    pub description: String,
    /// Name of the upgrade, which the new software has a handler for.
    #[schemars(length(min = 1, max = 140))]
    pub upgrade_name: String,
    /// Height at which the old software halts.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(range(min = 1, max = INTEGER_MAX))]
    pub upgrade_height: i64,
    /// Additional information for the new software, such as download addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10_000))]
    pub upgrade_info: Option<String>,
    /// Deposit of the proposal.
    #[schemars(length(max = 32))]
    #[x_kube(validation = rules::USEI)]
    pub initial_deposit: String,
    /// Fees of the transaction.
    #[schemars(length(max = 32))]
    #[x_kube(validation = rules::USEI)]
    pub fees: String,
    /// Gas limit of the transaction.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(range(min = 1, max = INTEGER_MAX))]
    pub gas: i64,
    /// Memo of the transaction. The sidecar adds `taskID=` with `status.taskId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = rules::MEMO_MAX))]
    #[x_kube(validation = rules::MEMO)]
    pub memo: Option<String>,
}
