//! The observed SeiNodes of a group, by set and ordinal.

use std::{collections::BTreeSet, sync::Arc};

use kube::ResourceExt;
use sei_api::{SeiNode, labels};

use crate::{
    member::{Child, Member},
    observed::Observed,
    owner::{controller, is_owned_by},
    seat::{Color, Seat, child_name, group_name},
    traffic,
};

/// The SeiNodes of a group.
#[derive(Debug)]
pub(crate) struct Members {
    /// The set that the Services select.
    pub(crate) serving: Set,
    /// The other set. It is empty unless an update is in progress or an old set is yet to be deleted.
    pub(crate) other: Set,
    /// Owned SeiNodes without a seat: those of a second set of the Go controller that serves alongside the first.
    pub(crate) strays: Vec<Arc<SeiNode>>,
}

/// One of the two sets of a group.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) color: Color,
    /// One per ordinal below `replicas`, in order.
    pub(crate) wanted: Vec<Member>,
    /// The owned SeiNodes of the set, the highest ordinal first.
    pub(crate) nodes: Vec<Arc<SeiNode>>,
    /// The owned SeiNodes of the set with ordinals not below `replicas`.
    pub(crate) surplus: Vec<Arc<SeiNode>>,
}

impl Members {
    pub(crate) fn of(observed: &Observed) -> Self {
        let (seated, strays) = seats(observed);
        let serving = serving(observed, &seated);
        Self {
            serving: Set::of(observed, serving, &seated),
            other: Set::of(observed, serving.other(), &seated),
            strays,
        }
    }

    /// The SeiNodes of the serving set at desired ordinals that the group owns and that are not being deleted.
    pub(crate) fn children(&self) -> impl Iterator<Item = (u32, &Child)> {
        self.serving.children()
    }
}

impl Set {
    fn of(observed: &Observed, color: Color, seated: &[Seated]) -> Self {
        let group = &*observed.group;
        let replicas = group.spec.replicas();
        let of_set = || seated.iter().filter(|(seat, _)| seat.color == color);
        let wanted = (0..replicas).map(|ordinal| {
            let taken = of_set().find(|(seat, _)| seat.ordinal == ordinal);
            let seat = taken.map_or_else(|| Seat::new(group, color, ordinal), |(seat, _)| seat.clone());
            Member::of(group, &observed.nodes, &observed.unreadable, seat)
        });
        let wanted = wanted.collect();
        let mut nodes: Vec<_> = of_set().collect();
        nodes.sort_by_key(|(seat, _)| std::cmp::Reverse(seat.ordinal));
        let surplus = nodes.iter().filter(|(seat, _)| seat.ordinal >= replicas);
        Self {
            color,
            wanted,
            surplus: surplus.map(|(_, node)| Arc::clone(node)).collect(),
            nodes: nodes.iter().map(|(_, node)| Arc::clone(node)).collect(),
        }
    }

    /// The SeiNodes at desired ordinals that the group owns and that are not being deleted.
    pub(crate) fn children(&self) -> impl Iterator<Item = (u32, &Child)> {
        self.wanted.iter().filter_map(|member| Some((member.seat.ordinal, member.child()?)))
    }
}

/// An owned SeiNode with its seat.
type Seated = (Seat, Arc<SeiNode>);

/// The owned SeiNodes with their seats, and those without one. A SeiNode of the second set of the Go controller gets
/// the seat of its ordinal in the first set, if that is free.
fn seats(observed: &Observed) -> (Vec<Seated>, Vec<Arc<SeiNode>>) {
    let group = &*observed.group;
    let (mut seated, mut strays) = (Vec::new(), Vec::new());
    let mut others = Vec::new();
    for node in observed.nodes.iter().filter(|node| is_owned_by(&***node, group)) {
        match Seat::named(group, &node.name_any()) {
            Some(seat) => seated.push((seat, Arc::clone(node))),
            None => others.push(node),
        }
    }
    // The newest update first. A SeiNode that is being deleted keeps its seat, and with it its keys, until it is gone.
    others.sort_by_key(|node| {
        let age = std::cmp::Reverse((node.metadata.creation_timestamp.clone(), node.name_any()));
        (node.metadata.deletion_timestamp.is_some(), age)
    });
    for node in others {
        match free_seat(observed, node) {
            Some(seat) if !seated.iter().any(|(taken, _)| taken.is_of(seat.color, seat.ordinal)) => {
                seated.push((seat, Arc::clone(node)));
            }
            _ => strays.push(Arc::clone(node)),
        }
    }
    (seated, strays)
}

/// The free seat of a SeiNode of the second set of the Go controller, by the ordinal in its label.
fn free_seat(observed: &Observed, node: &SeiNode) -> Option<Seat> {
    let ordinal = node.labels().get(labels::DEPLOYMENT_ORDINAL)?.parse().ok()?;
    let first = child_name(&observed.group, ordinal);
    let is_taken =
        |other: &Arc<SeiNode>| other.name_any() == first && other.metadata.deletion_timestamp.is_none();
    let is_free = !observed.unreadable.contains(&first) && !observed.nodes.iter().any(is_taken);
    is_free.then(|| Seat { name: node.name_any(), color: Color::Blue, ordinal })
}

/// The serving set: the one that exists, or, if both do, the one that gets the traffic.
fn serving(observed: &Observed, seated: &[Seated]) -> Color {
    let group = &*observed.group;
    let stays = |node: &SeiNode| node.metadata.deletion_timestamp.is_none();
    let owned = seated.iter().filter(|(_, node)| stays(node)).map(|(seat, _)| seat.color);
    let is_retained = |node: &SeiNode| {
        let of_group = node.labels().get(labels::DEPLOYMENT);
        controller(node).is_none() && of_group.is_some_and(|name| name == group_name(group))
    };
    let retained = observed.nodes.iter().filter(|node| stays(node) && is_retained(node));
    let named = retained.map(|node| node.name_any()).chain(observed.unreadable.iter().cloned());
    let found: BTreeSet<_> =
        owned.chain(named.filter_map(|name| Some(Seat::named(group, &name)?.color))).collect();
    match found.len() {
        1 => found.into_iter().next().unwrap_or_default(),
        _ => traffic::selected(observed),
    }
}
