//! The label that Secrets and claims need in order to be referenced by a SeiNode, if the platform requires
//! one.

use std::collections::BTreeMap;

use sei_node::{is_label_key, is_label_value};

use crate::settings::Reader;

/// The setting.
const REFERENCE_LABEL: &str = "SEI_REFERENCE_LABEL";

/// The key, and the value if one is required.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReferenceLabel {
    key: String,
    value: Option<String>,
}

impl ReferenceLabel {
    /// None if no label is required.
    pub(crate) fn read(settings: &mut Reader<'_>) -> Option<Self> {
        let text = settings.optional(REFERENCE_LABEL)?;
        let label = Self::parse(&text);
        if !is_label_key(&label.key) || label.value.as_deref().is_some_and(|value| !is_label_value(value)) {
            settings.wrong.push(format!(
                "{REFERENCE_LABEL} is {text:?}: write a label key such as sei.io/for-nodes, or key=value"
            ));
        }
        Some(label)
    }

    /// Parses `key` or `key=value`.
    fn parse(text: &str) -> Self {
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
