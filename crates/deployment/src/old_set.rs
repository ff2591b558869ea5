//! The set that is not serving, if no update needs it: the old one after an update, or the new one of a reverted
//! update. It is deleted as soon as the other set is complete and its own connections have had time to end.

use std::time::Duration;

use crate::{members::Members, observed::Observed, traffic};

/// Interval between checks whether the Services have moved, which a watch reports as well.
const RECHECK: Duration = Duration::from_secs(10);

/// Why a set that no update needs is kept.
pub(crate) enum Hold {
    /// The serving set is not complete; the other one can still replace it.
    Serving,
    /// Its connections are given time to end.
    Connections(Duration),
}

impl Hold {
    /// Why the set that is not serving is kept; `None` if it can be deleted now.
    pub(crate) fn of(observed: &Observed, members: &Members) -> Option<Self> {
        let mut serving = members.serving.wanted.iter();
        if !serving.all(|member| member.child().is_some_and(|it| it.is_available() && it.is_updated())) {
            return Some(Self::Serving);
        }
        until_idle(observed, members).map(Self::Connections)
    }

    /// When the hold ends, if known.
    pub(crate) fn next(&self) -> Option<Duration> {
        match self {
            Self::Serving => None,
            Self::Connections(left) => Some(*left),
        }
    }

    /// What a SeiNode of the set waits for. The text is the same at all times; otherwise the status would change with
    /// it.
    pub(crate) fn message(&self) -> &'static str {
        match self {
            Self::Serving => "deleted when every SeiNode that serves is available and runs the template",
            Self::Connections(_) => {
                "gets no more traffic; deleted after updateStrategy.blueGreen.scaleDownDelaySeconds"
            }
        }
    }
}

/// Time until the connections of the set that is no longer serving have ended; `None` if they have. The time is unknown
/// while a Service still selects the set.
pub(crate) fn until_idle(observed: &Observed, members: &Members) -> Option<Duration> {
    let delay = observed.group.spec.update_strategy.scale_down_delay();
    let Some(selected_for) = traffic::selected_for(observed, members.serving.color) else {
        return Some(delay.max(RECHECK));
    };
    let selected_for = Duration::try_from(selected_for).unwrap_or_default();
    delay.checked_sub(selected_for).filter(|left| !left.is_zero())
}
