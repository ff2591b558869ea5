//! BlueGreen: SeiNodes of a changed template are created alongside the serving ones. The traffic moves to them once all
//! are available and have caught up, and the old ones are deleted afterwards. Until then the serving SeiNodes do not
//! change, so a broken image does no harm, and reverting the template leaves everything as it was.
//!
//! No state of an update is kept: one is in progress while the set that the Services select differs from the template.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use kube::ResourceExt;
use sei_api::{
    SeiNodeDeployment,
    v1alpha1::{
        Mode,
        deployment::{NAME_VARIABLE, StrategyType},
    },
};

use crate::{
    availability,
    height::Height,
    member::Child,
    members::{Members, Set},
    observed::Observed,
    old_set::until_idle,
    seat::Color,
    write::Write,
};

/// How many blocks a new SeiNode may be behind the serving ones. Heights are up to a minute old.
pub(crate) const MAX_LAG: u64 = 500;
/// Reason of a SeiNode that keeps serving until it is replaced.
pub(crate) const WAITING: &str = "WaitingForReplacement";
/// How often heights are compared while an update waits for them.
const RECHECK: Duration = Duration::from_secs(10);

/// An update that replaces the serving SeiNodes.
pub(crate) struct BlueGreen<'a> {
    group: &'a SeiNodeDeployment,
    heights: &'a BTreeMap<String, Height>,
    old: &'a Set,
    new: &'a Set,
    /// Time until the new set may be changed, if it served recently.
    busy: Option<Duration>,
}

/// Why a group cannot be updated like this, with what to do; `None` if it can.
pub(crate) fn fault(group: &SeiNodeDeployment) -> Option<&'static str> {
    let spec = &group.spec.template.spec;
    if spec.mode() != Some(Mode::FullNode) {
        return Some(
            "the template changed, but BlueGreen supports full nodes only; set updateStrategy.type to InPlace or HardFork, or \
             revert the template",
        );
    }
    let import = spec.data_volume.as_ref().and_then(|volume| volume.import.as_ref());
    let is_shared = import.is_some_and(|import| !import.pvc_name.contains(NAME_VARIABLE));
    is_shared.then_some(
        "the template changed, and the SeiNodes that BlueGreen creates need their own volumes, but \
         dataVolume.import.pvcName of the template does not contain $(name); set updateStrategy.type to InPlace or HardFork, or \
         revert the template",
    )
}

impl<'a> BlueGreen<'a> {
    /// The update in progress, if it is of this kind.
    pub(crate) fn of(observed: &'a Observed, members: &'a Members) -> Option<Self> {
        let group = &*observed.group;
        let is_pending = members.children().any(|(_, child)| child.is_outdated);
        let is_of_kind = group.spec.update_strategy.type_ == StrategyType::BlueGreen;
        (is_of_kind && is_pending && fault(group).is_none()).then(|| Self {
            group,
            heights: &observed.heights,
            old: &members.serving,
            new: &members.other,
            busy: until_idle(observed, members),
        })
    }

    /// The SeiNodes to create.
    pub(crate) fn new_set(&self) -> &'a Set {
        self.new
    }

    /// The set that gets the traffic: the new one as soon as all of it can serve.
    pub(crate) fn traffic(&self) -> Color {
        let can_serve = |child: &Child| self.wait(child).is_none();
        match self.new.wanted.iter().all(|member| member.child().is_some_and(can_serve)) {
            true => self.new.color,
            false => self.old.color,
        }
    }

    /// The writes to SeiNodes of the new set that exist. None of them serves yet, so those of an earlier template are
    /// updated together.
    pub(crate) fn writes(&self) -> Vec<Write> {
        let updates = self.new.children().filter_map(|(_, child)| {
            child.write(match child.is_outdated && self.busy.is_none() {
                true => Some(child.whole_patch(self.group)),
                false => child.metadata_patch(),
            })
        });
        updates.chain(self.new.surplus.iter().filter_map(Write::delete)).collect()
    }

    /// When the next writes are due although nothing has changed.
    pub(crate) fn next(&self) -> Option<Duration> {
        let is_started = |child: &Child| child.is_available() && child.is_updated();
        let waits_for_height = |child: &Child| is_started(child) && self.lag(child).is_some();
        let recheck = self.new.children().any(|(_, child)| waits_for_height(child)).then_some(RECHECK);
        let is_outdated = self.new.children().any(|(_, child)| child.is_outdated);
        [recheck, self.busy.filter(|_| is_outdated)].into_iter().flatten().min()
    }

    /// What a SeiNode of the new set waits for before it can serve.
    pub(crate) fn wait(&self, child: &Child) -> Option<(String, String)> {
        let why = |reason: &str, message: String| Some((reason.to_owned(), message));
        if child.is_outdated {
            let message = match self.busy {
                Some(_) => "no longer serves; will be updated once its connections have drained",
                None => "waiting to be updated to the template",
            };
            return why("UpdatePending", message.to_owned());
        }
        if !child.is_available() {
            return Some(availability::reason(&child.node));
        }
        if !child.is_updated() {
            return why("Updating", "waiting for the new image to run".to_owned());
        }
        let message = match self.lag(child)? {
            Lag::Unknown(name) => {
                return why(
                    "HeightUnknown",
                    format!("waiting for seid of SeiNode {name} to report its height"),
                );
            }
            Lag::CatchingUp => "traffic moves when seid has caught up with the chain".to_owned(),
            Lag::Behind(name) => {
                format!("traffic moves when seid is at most {MAX_LAG} blocks behind SeiNode {name}")
            }
        };
        why("CatchingUp", message)
    }

    /// What a SeiNode of the old set waits for.
    pub(crate) fn replacement(&self) -> (String, String) {
        let message =
            "serves until every SeiNode of the new set is available and has caught up; deleted after that";
        (WAITING.to_owned(), message.to_owned())
    }

    /// What a SeiNode of the old set that does not exist waits for: it would be created from the new template.
    pub(crate) fn creation(&self) -> (String, String) {
        let message = "not recreated: the new set replaces the old one";
        (WAITING.to_owned(), message.to_owned())
    }

    /// How far a SeiNode of the new set is from having caught up. The height of an old SeiNode that does not serve is
    /// irrelevant.
    fn lag(&self, child: &Child) -> Option<Lag> {
        let name = child.node.name_any();
        let height = |name: &str| self.heights.get(name).copied();
        let Some(own) = height(&name) else { return Some(Lag::Unknown(name)) };
        if own.is_catching_up {
            return Some(Lag::CatchingUp);
        }
        let serving = self.old.children().filter(|(_, child)| child.is_available());
        serving.map(|(_, child)| child.node.name_any()).find_map(|old| match height(&old) {
            None => Some(Lag::Unknown(old)),
            Some(theirs) if own.latest.saturating_add(MAX_LAG) < theirs.latest => Some(Lag::Behind(old)),
            Some(_) => None,
        })
    }
}

/// Why a SeiNode has not caught up, or is not known to have.
enum Lag {
    /// The height of this SeiNode is not known.
    Unknown(String),
    CatchingUp,
    /// It is far behind this serving SeiNode.
    Behind(String),
}

impl Observed {
    /// The SeiNodes that [`Observed::heights`] must cover.
    pub fn awaits_heights(&self) -> BTreeSet<String> {
        let is_awaited = self.group.spec.update_strategy.type_ == StrategyType::BlueGreen
            && self.group.metadata.deletion_timestamp.is_none();
        if !is_awaited {
            return BTreeSet::new();
        }
        let members = Members::of(self);
        let update = BlueGreen::of(self, &members);
        let sets = update.iter().flat_map(|update| [update.old, update.new]);
        sets.flat_map(Set::children).map(|(_, child)| child.node.name_any()).collect()
    }
}
