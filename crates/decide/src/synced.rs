//! Whether the seid of a Running node has caught up with its chain. The heights themselves are metrics: they change all
//! the time, the status only when this does.

use sei_api::{
    SeiNodeStatus,
    conditions::{self, ConditionType, Statement, SyncedReason, Truth},
    v1alpha1::NodePhase,
};

use crate::{condition::set_condition, observed::Observed, sidecar::TroubleKind};

/// Reports what is known; the last report is kept while nothing is known of the current pod.
pub(crate) fn report(observed: &Observed, status: &mut SeiNodeStatus) {
    if status.phase != Some(NodePhase::Running) {
        conditions::remove(&mut status.conditions, ConditionType::Synced);
        return;
    }
    let has_no_pod = observed.sidecar.trouble.as_ref().is_some_and(|it| it.kind == TroubleKind::NoPod);
    let seid = match &observed.sidecar.seid {
        Some(answer) => answer.value.as_ref(),
        None if has_no_pod => None,
        None => return,
    };
    let (truth, reason, message) = match seid {
        Some(seid) if seid.catching_up => {
            (Truth::False, SyncedReason::CatchingUp, "seid is catching up with the chain")
        }
        Some(_) => (Truth::True, SyncedReason::CaughtUp, "seid has caught up with the chain"),
        None => (Truth::Unknown, SyncedReason::Unreachable, "seid does not respond on port 26657"),
    };
    set_condition(observed, status, Statement::new(truth, reason, message));
}
