//! The keys of configuration overrides, and their valid values.

use crate::sidecar::Generation;

const KEYS: &str = include_str!("../override-keys.txt");

/// A key of the configuration.
pub(super) struct Key {
    kind: &'static str,
    /// Whether it can be changed without a restart of seid.
    pub(super) hot: bool,
    is_settable: bool,
}

/// The key with this name in a release.
pub(super) fn find(name: &str, generation: Generation) -> Option<Key> {
    let mut lines = KEYS.lines().filter(|line| !line.starts_with('#'));
    let mut words = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?.split(' ');
    let kind = words.next()?;
    let flags: Vec<&str> = words.collect();
    let since = flags.iter().find_map(|flag| flag.strip_prefix("since=")?.parse().ok()).unwrap_or(0);
    (generation.number() >= since).then(|| Key {
        kind,
        hot: flags.contains(&"hot"),
        is_settable: !flags.contains(&"unsettable") && (kind != "list" || generation.number() >= 49),
    })
}

impl Key {
    /// Whether a value is valid.
    pub(super) fn admits(&self, value: &str) -> bool {
        let number = |value: &str| value.starts_with(|first: char| first.is_ascii_digit());
        self.is_settable
            && match self.kind {
                "bool" => {
                    let value = value.to_ascii_lowercase();
                    ["true", "1", "yes", "false", "0", "no"].contains(&value.as_str())
                }
                // Everything after the digits is ignored.
                "uint" => number(value),
                "int" => number(value.trim_start_matches(['-', '+'])),
                "float" => value.parse::<f64>().is_ok(),
                "duration" => value == "0" || (number(value) && value.ends_with(['s', 'm', 'h'])),
                _ => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_types_and_releases() {
        let admits = |name: &str, value: &str| find(name, Generation::V50).unwrap().admits(value);
        assert!(admits("chain.halt_height", "12abc") && !admits("chain.halt_height", "abc"));
        assert!(admits("chain.occ_enabled", "Yes") && !admits("chain.occ_enabled", "maybe"));
        assert!(!admits("metrics.global_labels", "x"), "it cannot be set");
        let split = "storage.state_store.evm_ss_split";
        assert!(find(split, Generation::V66).is_none() && find(split, Generation::V67).is_some());
        assert!(find("logging.level", Generation::V47).unwrap().hot);
        assert!(find("chain", Generation::NEWEST).is_none(), "a part of a key is not a key");
        assert!(find("#", Generation::NEWEST).is_none(), "a comment is not a key");
    }
}
