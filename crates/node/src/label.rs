//! Keys and values of labels. The CRD limits only the length of keys: a pattern for them exceeds the cost that an API
//! server allows for rules.

use std::collections::BTreeMap;

use crate::{Part, SpecError, fault::Faults, image::is_dns_label};

/// Adds a fault for each of the pod's labels that the API server would refuse in every object of the node.
pub(crate) fn check(labels: &BTreeMap<String, String>, faults: &mut Faults) {
    for (key, value) in labels {
        if !is_label_key(key) {
            let wanted = "keys such as team or example.com/team: letters, digits, '-', '_' and '.', at most 63, after an \
                          optional DNS name and '/'";
            faults.push(Part::Pod, SpecError::bad_value("a key of spec.podLabels", key, wanted));
        } else if !value.is_empty() && !is_label_value(value) {
            let wanted = "at most 63 letters, digits, '-', '_' or '.', with a letter or digit at both ends";
            faults.push(Part::Pod, SpecError::bad_value(format!("spec.podLabels[{key:?}]"), value, wanted));
        }
    }
}

/// Whether a text is a label key: a name, optionally preceded by a DNS subdomain.
pub fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_label_value(name),
        None => is_label_value(text),
    }
}

/// Whether a text is a valid, non-empty label value.
pub fn is_label_value(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= 63 && edge(text.chars().next()) && edge(text.chars().last()) && text.chars().all(inner)
}

/// Whether a text is a DNS subdomain, as most names of objects are.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

/// Whether a text can be the name of a namespace.
pub fn is_namespace(text: &str) -> bool {
    text.len() <= 63 && is_dns_label(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_the_api_server_accepts() {
        for key in
            ["team", "A_b.c-1", "example.com/team", "a/b", &"a".repeat(63), &format!("{}/b", "a".repeat(253))]
        {
            assert!(is_label_key(key), "{key}");
        }
        let (long, prefix) = ("a".repeat(64), format!("{}/b", "a".repeat(254)));
        for key in
            ["", " ", "A b", "a/", "/a", "a/b/c", "A.com/team", "a..b/c", "-a", "a-", "é", &long, &prefix]
        {
            assert!(!is_label_key(key), "{key}");
        }
    }
}
