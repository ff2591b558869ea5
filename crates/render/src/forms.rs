//! The form of settings that become names, labels and images of the objects of nodes. If the API server or the kubelet
//! rejected one of them, no node could be created or updated.

use sei_node::{ImageReference, is_label_key, is_label_value, is_subdomain};

use crate::settings::Reader;

/// The required form, a predicate that checks it, and the settings that must have it.
type Form = (&'static str, fn(&str) -> bool, &'static [&'static str]);

const FORMS: [Form; 4] = [
    (
        "a name of lower-case letters, digits, '-' and '.'",
        is_subdomain,
        &[
            "SEI_SERVICE_ACCOUNT",
            "SEI_STORAGE_CLASS_PERF",
            "SEI_STORAGE_CLASS_ARCHIVE",
            "SEI_STORAGE_CLASS_REPLAYER",
            "SEI_STORAGE_CLASS_VALIDATOR",
        ],
    ),
    (
        "a label value: at most 63 letters, digits, '-', '_' and '.'",
        is_label_value,
        &["SEI_NODEPOOL_NAME", "SEI_NODEPOOL_ARCHIVE", "SEI_NODEPOOL_REPLAYER", "SEI_NODEPOOL_VALIDATOR"],
    ),
    ("a label key such as sei.io/workload", is_label_key, &["SEI_TOLERATION_KEY"]),
    (
        "an image reference such as ghcr.io/sei-protocol/seictl:v0.0.50, without https:// and without spaces",
        |text| ImageReference::parse(text).is_ok(),
        &["SEI_SIDECAR_IMAGE", "SEI_COSMOS_EXPORTER_IMAGE", "SEI_KUBE_RBAC_PROXY_IMAGE"],
    ),
];

/// Collects the settings with an invalid form. A missing one is reported where it is read.
pub(crate) fn check(read: &mut Reader<'_>) {
    for (wanted, is_valid, names) in FORMS {
        let invalid = names.iter().filter_map(|name| Some((name, read.optional(name)?)));
        let invalid: Vec<_> = invalid.filter(|(_, text)| !is_valid(text)).collect();
        read.wrong.extend(invalid.iter().map(|(name, text)| format!("{name} is {text:?}: write {wanted}")));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::Platform;

    #[test]
    fn settings_that_no_object_can_have_are_all_reported() {
        let good = include_str!("../../../tests/conformance/full-tls/platform.env");
        let good = good.lines().filter_map(|line| line.split_once('='));
        let good: BTreeMap<_, _> = good.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert!(Platform::from_settings(&good).is_ok());
        let bad = [
            ("SEI_SERVICE_ACCOUNT", "A_"),
            ("SEI_STORAGE_CLASS_VALIDATOR", "a b"),
            ("SEI_NODEPOOL_NAME", &"x".repeat(64)),
            ("SEI_TOLERATION_KEY", "a b"),
            ("SEI_SIDECAR_IMAGE", "https://ghcr.io/sei"),
            ("SEI_RESOURCE_CPU_DEFAULT", "-1"),
            ("SEI_STORAGE_SIZE_ARCHIVE", "0"),
        ];
        let mut settings = good;
        settings.extend(bad.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let error = Platform::from_settings(&settings).unwrap_err();
        assert_eq!(error.lines().len(), bad.len(), "{error}");
        assert!(
            bad.iter().all(|(name, _)| error.lines().iter().any(|line| line.starts_with(name))),
            "{error}"
        );
    }
}
