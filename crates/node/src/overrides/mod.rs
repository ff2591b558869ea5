//! Which keys `spec.overrides` may contain, and the form of their values. Values are validated as the sidecar
//! parses them.

mod keys;
mod secret;

use keys::KEYS;
pub(crate) use secret::has_password;

/// Keys that are determined by the spec or by how the pod is built, and what to write instead.
const MANAGED: &[(&str, &str)] = &[
    ("chain.abci", "seid runs the application in its own process"),
    ("chain.chain_id", "it is spec.chainId"),
    ("chain.proxy_app", "seid runs the application in its own process"),
    ("consensus.wal_path", "it is always on the data volume"),
    ("mode", "it is derived from the mode in the spec"),
    (
        "priv_validator.key_file",
        "the key is mounted into the pod: reference its Secret in spec.validator.signingKey",
    ),
    ("priv_validator.state_file", "the signing state is always on the data volume, next to the chain data"),
    ("storage.db_path", "chain data is always on the data volume"),
    ("version", "the sidecar sets it"),
];

/// Type of a configuration value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    Text,
    Bool,
    Int,
    Uint,
    Float,
    Duration,
    List,
    Any,
}

impl ValueKind {
    /// The expected form, for messages.
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            Self::Text | Self::Any => "any text",
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Uint => "a whole number of 0 or more",
            Self::Float => "a number",
            Self::Duration => "a duration such as 30s, 1h30m or 500ms",
            Self::List => "values separated by commas",
        }
    }

    /// Whether the sidecar can parse `value`.
    pub(crate) fn admits(self, value: &str) -> bool {
        match self {
            Self::Text | Self::List | Self::Any => true,
            Self::Bool => {
                ["true", "1", "yes", "false", "0", "no"].contains(&value.to_ascii_lowercase().as_str())
            }
            Self::Int => value.parse::<i64>().is_ok(),
            Self::Uint => value.parse::<u64>().is_ok(),
            Self::Float => value.parse::<f64>().is_ok_and(f64::is_finite),
            Self::Duration => is_duration(value),
        }
    }
}

/// The type of the value of `key`; `None` if it is not a key of the configuration.
pub(crate) fn kind_of(key: &str) -> Option<ValueKind> {
    let index = KEYS.binary_search_by(|(known, _)| (*known).cmp(key)).ok()?;
    KEYS.get(index).map(|(_, kind)| *kind)
}

/// Why `key` cannot be overridden; `None` if it can.
pub(crate) fn managed(key: &str) -> Option<&'static str> {
    MANAGED.iter().find(|(managed, _)| *managed == key).map(|(_, instead)| *instead)
}

/// A key of the Sei configuration, for the reference page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverrideKey {
    /// The dotted key.
    pub key: &'static str,
    /// The expected form of the value.
    pub value: &'static str,
    /// Why it cannot be overridden; `None` if it can.
    pub managed: Option<&'static str>,
}

/// Every key of the Sei configuration, sorted.
pub fn override_keys() -> impl Iterator<Item = OverrideKey> {
    KEYS.iter().map(|(key, kind)| OverrideKey { key, value: kind.wanted(), managed: managed(key) })
}

/// Whether the Sei configuration has this key.
pub fn is_override_key(key: &str) -> bool {
    kind_of(key).is_some()
}

/// The most similar existing key.
pub(crate) fn nearest(key: &str) -> Option<&'static str> {
    let limit = |known: &str| key.len().max(known.len()) / 3;
    // The distance is at least the difference of the lengths.
    let near =
        KEYS.iter().map(|(known, _)| *known).filter(|known| key.len().abs_diff(known.len()) <= limit(known));
    let (distance, known) = near.map(|known| (distance(key, known), known)).min()?;
    (distance <= limit(known)).then_some(known)
}

/// Go's duration syntax: an optional sign, then numbers with units, or a bare 0.
fn is_duration(value: &str) -> bool {
    let mut rest = value.strip_prefix(['+', '-']).unwrap_or(value);
    if rest == "0" {
        return true;
    }
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, tail) = rest.split_at(number);
        if !digits.bytes().any(|byte| byte.is_ascii_digit()) || digits.matches('.').count() > 1 {
            return false;
        }
        // Longer units first: `m` is also a prefix of `ms`.
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"].iter().find_map(|unit| tail.strip_prefix(unit));
        match unit {
            Some(tail) => rest = tail,
            None => return false,
        }
    }
    !value.is_empty() && !value.ends_with(['+', '-'])
}

/// Edit distance between the two texts.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let change = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_can_be_found() {
        assert!(KEYS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(KEYS.len(), 225);
        assert_eq!(kind_of("evm.http_port"), Some(ValueKind::Int));
        assert_eq!(kind_of("evm.http_prt"), None);
        assert_eq!(nearest("evm.http_prt"), Some("evm.http_port"));
        assert_eq!(nearest("something.else.entirely.and.long"), None);
    }

    #[test]
    fn every_managed_key_is_a_key_of_the_configuration() {
        for (key, _) in MANAGED {
            assert!(kind_of(key).is_some(), "{key}");
        }
    }

    #[test]
    fn values_are_validated_as_the_sidecar_parses_them() {
        for (kind, good, bad) in [
            (ValueKind::Bool, &["true", "1", "yes", "No"][..], &["", "on", "tru"][..]),
            (ValueKind::Int, &["0", "-5"], &["", "1.5", "x", "99999999999999999999"]),
            (ValueKind::Uint, &["0", "5"], &["-5", "1e3"]),
            (ValueKind::Float, &["0.5", "1e3"], &["", "NaN", "x"]),
            (
                ValueKind::Duration,
                &["0", "5s", "1h30m", "1.5ms", "-2us"],
                &["", "5", "s", "5x", "1.2.3s", "-"],
            ),
        ] {
            for value in good {
                assert!(kind.admits(value), "{kind:?} {value:?}");
            }
            for value in bad {
                assert!(!kind.admits(value), "{kind:?} {value:?}");
            }
        }
    }
}
