//! `spec.overrides`.

use crate::{
    Part, SpecError,
    fault::{Faults, shown},
    overrides::{self, ValueKind},
};

/// Maximum number of unknown keys for which the nearest known key is searched: a spec has room for tens of thousands of
/// keys, and every pass checks all of them.
const SUGGESTIONS: usize = 10;

pub(crate) fn check<'a>(values: impl Iterator<Item = (&'a String, &'a String)> + Clone, faults: &mut Faults) {
    let texts = values.clone().flat_map(|(key, value)| [key, value]);
    faults.too_large(Part::Configuration, "spec.overrides", texts);
    let mut unknown = 0;
    for (key, value) in values {
        let error = match overrides::kind_of(key) {
            Some(kind) => check_override(key, value, kind),
            None => {
                unknown += 1;
                let nearest = if unknown <= SUGGESTIONS { overrides::nearest(key) } else { None };
                Some(SpecError::UnknownOverride { key: shown(key), nearest })
            }
        };
        error.into_iter().for_each(|error| faults.push(Part::Configuration, error));
    }
}

/// What is wrong with the value of a known key, which is of this kind.
fn check_override(key: &str, value: &str, kind: ValueKind) -> Option<SpecError> {
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
