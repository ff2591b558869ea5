//! `spec.overrides`.

use crate::{Part, SpecError, fault::Faults, overrides};

pub(crate) fn check<'a>(values: impl Iterator<Item = (&'a String, &'a String)>, faults: &mut Faults) {
    for error in values.filter_map(|(key, value)| check_override(key, value)) {
        faults.push(Part::Configuration, error);
    }
}

fn check_override(key: &str, value: &str) -> Option<SpecError> {
    let Some(kind) = overrides::kind_of(key) else {
        return Some(SpecError::UnknownOverride { key: key.to_owned(), nearest: overrides::nearest(key) });
    };
    if let Some(instead) = overrides::managed(key) {
        return Some(SpecError::ManagedOverride { key: key.to_owned(), instead });
    }
    // Must come before every error that repeats the value.
    if overrides::has_password(value) {
        return Some(SpecError::PasswordInOverride { key: key.to_owned() });
    }
    (!kind.admits(value))
        .then(|| SpecError::bad_value(format!("spec.overrides[{key:?}]"), value, kind.wanted()))
}
