//! Conditions as written to a status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{ConditionType, Reason};

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`.
    Unknown,
}

impl Truth {
    /// The wire string, as stored in status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// The content of one condition. The reason determines the condition, so a condition cannot get a reason of
/// another one:
///
/// ```compile_fail
/// use sei_api::conditions::{StalledReason, Statement, TlsSecretReason};
///
/// let reason: StalledReason = TlsSecretReason::NotFound;
/// let statement = Statement::new(true, reason, "there is no Secret node-0-tls");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its status.
    pub truth: Truth,
    /// Why.
    pub reason: Reason,
    /// Human-readable message. Truncated to the schema's limit when it is set.
    pub message: String,
}

impl Statement {
    /// Creates a statement.
    pub fn new(truth: impl Into<Truth>, reason: impl Into<Reason>, message: impl Into<String>) -> Self {
        Self { truth: truth.into(), reason: reason.into(), message: message.into() }
    }
}

/// Maximum length of a message in the condition schema, in characters.
const MESSAGE_LIMIT: usize = 32_768;

/// Writes `statement` to `conditions`, keeping their order. The transition time changes only with the status.
pub fn set(
    conditions: &mut Option<Vec<Condition>>,
    statement: Statement,
    generation: Option<i64>,
    now: Timestamp,
) {
    let Statement { truth, reason, message } = statement;
    put(conditions, reason.condition().as_str(), truth, reason.as_str(), &message, generation, now);
}

/// [`set`] for the conditions of any kind, with plain strings.
pub(crate) fn put(
    conditions: &mut Option<Vec<Condition>>,
    kind: &'static str,
    truth: Truth,
    reason: &'static str,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) {
    let conditions = conditions.get_or_insert_default();
    let mut next = Condition {
        last_transition_time: Time(now),
        message: message.chars().take(MESSAGE_LIMIT).collect(),
        observed_generation: generation,
        reason: reason.to_owned(),
        status: truth.as_str().to_owned(),
        type_: kind.to_owned(),
    };
    match conditions.iter_mut().find(|condition| condition.type_ == next.type_) {
        Some(current) => {
            if current.status == next.status {
                next.last_transition_time = current.last_transition_time.clone();
            }
            *current = next;
        }
        None => conditions.push(next),
    }
}

/// Removes a condition; a list that becomes empty is removed too.
pub fn remove(conditions: &mut Option<Vec<Condition>>, kind: ConditionType) {
    if let Some(list) = conditions {
        list.retain(|condition| condition.type_ != kind.as_str());
        if list.is_empty() {
            *conditions = None;
        }
    }
}

/// Whether `condition` exists and is True.
pub fn is_true(condition: Option<&Condition>) -> bool {
    condition.is_some_and(|condition| condition.status == Truth::True.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditions::{ReadyReason, StalledReason};

    #[test]
    fn each_reason_is_written_to_the_condition_that_documents_it() {
        let stalled = Reason::ReadyWhileStalled(StalledReason::PlanFailed);
        for reason in Reason::all().chain([stalled]) {
            let mut list = None;
            set(&mut list, Statement::new(true, reason, ""), None, Timestamp::UNIX_EPOCH);
            let condition = &list.unwrap()[0];
            let written = (condition.type_.as_str(), condition.reason.as_str());
            assert_eq!(written, (reason.condition().as_str(), reason.as_str()));
        }
        assert_eq!(stalled.condition(), ConditionType::Ready);
    }

    #[test]
    fn the_transition_time_changes_only_with_the_status() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let say = |truth: bool, message: &str| Statement::new(truth, ReadyReason::NodeReady, message);
        let mut list = None;
        set(&mut list, say(false, "one"), Some(1), at(1));
        set(&mut list, say(false, "two"), Some(2), at(2));
        let kept = &list.as_ref().unwrap()[0];
        assert_eq!((kept.last_transition_time.0, kept.message.as_str()), (at(1), "two"));
        set(&mut list, say(true, "three"), Some(2), at(3));
        assert_eq!(list.as_ref().unwrap()[0].last_transition_time.0, at(3));
        remove(&mut list, ConditionType::Ready);
        assert_eq!(list, None);
    }
}
