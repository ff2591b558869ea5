//! The label that Secrets and claims need in order to be referenced by a SeiNode, if the platform requires
//! one.

use std::collections::BTreeMap;

/// The key, and the value if one is required.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReferenceLabel {
    key: String,
    value: Option<String>,
}

impl ReferenceLabel {
    /// Parses `key` or `key=value`.
    pub(crate) fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((key, value)) => Self { key: key.to_owned(), value: Some(value.to_owned()) },
            None => Self { key: text.to_owned(), value: None },
        }
    }

    /// What an object with `labels` is missing.
    pub(crate) fn missing(&self, labels: Option<&BTreeMap<String, String>>) -> Option<String> {
        let found = labels.and_then(|labels| labels.get(&self.key));
        let suffices = found.is_some_and(|found| self.value.as_ref().is_none_or(|value| value == found));
        let wanted = match &self.value {
            Some(value) => format!("{}={value}", self.key),
            None => self.key.clone(),
        };
        (!suffices).then(|| {
            format!(
                "lacks label {wanted}, which the operator requires on the Secrets and claims of nodes: add it to allow the use"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_suffices_if_no_value_is_required() {
        let labels = BTreeMap::from([("sei.io/for-nodes".to_owned(), "yes".to_owned())]);
        for allowed in ["sei.io/for-nodes", "sei.io/for-nodes=yes"] {
            assert_eq!(ReferenceLabel::parse(allowed).missing(Some(&labels)), None, "{allowed}");
        }
        for refused in ["sei.io/for-nodes=no", "sei.io/other", "sei.io/for-nodes="] {
            let why = ReferenceLabel::parse(refused).missing(Some(&labels)).unwrap();
            assert!(why.contains(refused), "{why}");
        }
        assert!(ReferenceLabel::parse("a").missing(None).is_some());
    }
}
