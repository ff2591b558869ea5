//! Which set of SeiNodes gets the traffic. The Services themselves record this, so nothing else has to be stored:
//! traffic has moved when they select the other set.

use jiff::SignedDuration;
use sei_api::labels;

use crate::{
    object::{Object, ObjectKind},
    observed::Observed,
    seat::{Color, group_name},
    service::{external_service_name, internal_service_name},
};

/// The set that the internal Service selects. If it is missing, the set is derived from the other objects that change
/// together with it.
pub(crate) fn selected(observed: &Observed) -> Color {
    let group = &*observed.group;
    let objects = [
        (ObjectKind::Service, internal_service_name(group)),
        (ObjectKind::Service, external_service_name(group)),
        (ObjectKind::PodDisruptionBudget, group_name(group).to_owned()),
    ];
    let own = objects.iter().filter_map(|(kind, name)| observed.object(*kind, name));
    let mut own = own.filter(|object| object.is_owned_by(group) || object.is_retained(group));
    let selected = own.find_map(|object| object.selector()?.get(labels::DEPLOYMENT));
    match selected == Color::Green.selector(group).get(labels::DEPLOYMENT) {
        true => Color::Green,
        false => Color::Blue,
    }
}

/// How long the Services have selected only `color`; `None` while one of them selects other pods.
pub(crate) fn selected_for(observed: &Observed, color: Color) -> Option<SignedDuration> {
    let selector = color.selector(&observed.group);
    let is_service = |object: &&Object| object.kind() == ObjectKind::Service;
    let own = || observed.objects.iter().filter(is_service).filter(|it| it.is_owned_by(&observed.group));
    if own().any(|service| service.selector() != Some(&selector)) {
        return None;
    }
    let since = own().filter_map(Object::applied_at).max();
    Some(since.map_or(SignedDuration::MAX, |since| observed.now.duration_since(since)))
}
