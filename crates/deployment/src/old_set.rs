//! The set that does not serve, when no update needs it: the old one after an update, or the new one of an update that was
//! reverted. It is deleted as soon as the other set serves in full and connections to it have had time to end.

use std::time::Duration;

use crate::{members::Members, observed::Observed, traffic};

/// How often it is checked whether the Services have moved, which a watch reports too.
const RECHECK: Duration = Duration::from_secs(10);

/// What keeps a set that no update needs.
pub(crate) enum Hold {
    /// The serving set is not complete; the other one can still replace it.
    Serving,
    /// Its connections are given time to end.
    Connections(Duration),
}

impl Hold {
    /// What holds the set that does not serve; `None` if it can be deleted now.
    pub(crate) fn of(observed: &Observed, members: &Members) -> Option<Self> {
        let mut serving = members.serving.wanted.iter();
        if !serving.all(|member| member.child().is_some_and(|it| it.is_available() && it.is_updated())) {
            return Some(Self::Serving);
        }
        until_idle(observed, members).map(Self::Connections)
    }

    /// When it ends, if that is known.
    pub(crate) fn next(&self) -> Option<Duration> {
        match self {
            Self::Serving => None,
            Self::Connections(left) => Some(*left),
        }
    }

    /// What a SeiNode of the set waits for. The same at any time, or the status would change with it.
    pub(crate) fn message(&self) -> &'static str {
        match self {
            Self::Serving => "deleted when every SeiNode that serves is available and runs the template",
            Self::Connections(_) => {
                "gets no more traffic; deleted after updateStrategy.blueGreen.scaleDownDelaySeconds"
            }
        }
    }
}

/// Time until the set that does not serve has none of the connections left that it had when it served; `None` if it has none.
/// While a Service still selects it, the time is not known.
pub(crate) fn until_idle(observed: &Observed, members: &Members) -> Option<Duration> {
    let delay = observed.group.spec.update_strategy.scale_down_delay();
    let Some(stood) = traffic::stood(observed, members.serving.color) else {
        return Some(delay.max(RECHECK));
    };
    let stood = Duration::try_from(stood).unwrap_or_default();
    delay.checked_sub(stood).filter(|left| !left.is_zero())
}
