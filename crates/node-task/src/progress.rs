//! The progress of a started task, as reported by the sidecar.

use sei_api::{
    task_conditions::{ReadyReason, StalledReason},
    v1alpha1::task::{NodeTaskResult, Operation},
};
use sei_decide::{Refusal, Sidecar, TaskProgress, TaskResult, TroubleKind};
use uuid::Uuid;

use crate::waiting::Waiting;

/// State of a task that has started.
pub(crate) enum Progress {
    /// The operation is complete.
    Complete,
    /// It has failed.
    Failed(StalledReason, String),
    /// It has not ended. `is_known` if the sidecar has it.
    Waiting { waiting: Waiting, is_known: bool },
}

pub(crate) fn progress(sidecar: &Sidecar, id: Uuid, operation: Operation<'_>) -> Progress {
    let text = id.to_string();
    let result = sidecar.result(&text, 0);
    match sidecar.progress(&text, 0) {
        Some(TaskProgress::Completed) => Progress::Complete,
        Some(TaskProgress::Failed(error)) => failed(error, result, &trace(operation, id)),
        Some(TaskProgress::Lost) => Progress::Failed(
            StalledReason::OutcomeUnknown,
            format!(
                "the sidecar lost its record of the task, or was terminated while it ran it: it is unknown whether the operation was carried out{}",
                trace(operation, id)
            ),
        ),
        Some(TaskProgress::Refused(Refusal::TaskUnknown, _)) => Progress::Failed(
            StalledReason::NotSupported,
            format!(
                "the sidecar does not support {}, which needs {} or later: set spec.sidecar.image of the SeiNode",
                operation.as_str(),
                operation.first_release()
            ),
        ),
        Some(TaskProgress::Refused(_, error)) => {
            Progress::Failed(StalledReason::Rejected, format!("the sidecar rejected the task: {error}"))
        }
        Some(TaskProgress::Running) => Progress::Waiting {
            waiting: unanswered(sidecar).unwrap_or_else(|| running(operation)),
            is_known: true,
        },
        Some(TaskProgress::Submitted | TaskProgress::Unknown | TaskProgress::Held) | None => {
            Progress::Waiting {
                waiting: unanswered(sidecar).unwrap_or_else(|| running(operation)),
                is_known: false,
            }
        }
    }
}

fn running(operation: Operation<'_>) -> Waiting {
    (ReadyReason::TaskRunning, format!("{} is running in the sidecar", operation.as_str()))
}

fn unanswered(sidecar: &Sidecar) -> Option<Waiting> {
    let trouble = sidecar.trouble.as_ref()?;
    let reason = match trouble.kind {
        TroubleKind::AccessDenied => ReadyReason::SidecarAccessDenied,
        TroubleKind::NoPod | TroubleKind::Unreachable => ReadyReason::SidecarUnreachable,
    };
    Some((reason, trouble.message.clone()))
}

/// How to find the transaction of an operation on the chain: the sidecar adds the ID to its memo.
fn trace(operation: Operation<'_>, id: Uuid) -> String {
    match operation {
        Operation::GovernanceVote(_) | Operation::SoftwareUpgradeProposal(_) => {
            format!("; a transaction that was sent has taskID={id} in its memo")
        }
        Operation::RestartSeid | Operation::MarkReady | Operation::SnapshotUpload => String::new(),
    }
}

/// A transaction that is not in a block yet may still get into one. Without a result none was sent, unless the sidecar
/// has restarted in the meantime.
fn failed(error: &str, result: Option<&TaskResult>, trace: &str) -> Progress {
    let inclusion = result.and_then(|result| result.inclusion.as_deref());
    match inclusion {
        Some(inclusion @ ("pending" | "unverifiable")) => {
            let hash = result.and_then(|result| result.tx_hash.as_deref()).unwrap_or("unknown");
            let message = format!("transaction {hash} was sent and its inclusion is {inclusion}: {error}");
            Progress::Failed(StalledReason::OutcomeUnknown, message)
        }
        Some(_) => Progress::Failed(StalledReason::OperationFailed, error.to_owned()),
        None => Progress::Failed(StalledReason::OperationFailed, format!("{error}{trace}")),
    }
}

/// The result in the status; `None` if the sidecar reports none.
pub(crate) fn result(sidecar: &Sidecar, id: Uuid) -> Option<NodeTaskResult> {
    let TaskResult { outcome, reason, height, key, tx_hash, inclusion, proposal_id, genesis_hash: _ } =
        sidecar.result(&id.to_string(), 0)?.clone();
    let outcome = match (outcome, reason) {
        (Some(outcome), Some(reason)) => Some(format!("{outcome}: {reason}")),
        (outcome, _) => outcome,
    };
    let result = NodeTaskResult { outcome: outcome.or(inclusion), height, key, tx_hash, proposal_id };
    (result != NodeTaskResult::default()).then_some(result)
}
