//! Health of an object, as one of three values.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;

/// Health of a node or group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Health {
    /// Manual intervention is required.
    Stalled,
    /// In progress, or waiting for what its message describes.
    Waiting,
    /// It matches its spec.
    Ready,
}

/// The summary of the conditions: health, reason and message.
pub(crate) struct Verdict {
    pub(crate) health: Health,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Verdict {
    pub(crate) fn of(conditions: Option<&[Condition]>) -> Self {
        let find = |type_: &str| conditions.into_iter().flatten().find(|condition| condition.type_ == type_);
        let says = |health, condition: &Condition| Self {
            health,
            reason: condition.reason.clone(),
            message: condition.message.clone(),
        };
        match (find("Stalled").filter(|stalled| stalled.status == "True"), find("Ready")) {
            (Some(stalled), _) => says(Health::Stalled, stalled),
            (None, Some(ready)) if ready.status == "True" => says(Health::Ready, ready),
            (None, Some(ready)) => says(Health::Waiting, ready),
            (None, None) => Self {
                health: Health::Waiting,
                reason: "NotReconciled".to_owned(),
                message: "no operator has reconciled this object yet; check that one is running and watches this namespace".to_owned(),
            },
        }
    }

    /// The verdict for an object that cannot be decoded.
    pub(crate) fn unreadable(error: &str) -> Self {
        Self {
            health: Health::Stalled,
            reason: "Unreadable".to_owned(),
            message: format!(
                "the object cannot be decoded: {error}; correct that field, or use a later version if one wrote it"
            ),
        }
    }
}
