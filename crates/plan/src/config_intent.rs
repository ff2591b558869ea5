//! Input of `config-apply`.

use std::collections::BTreeMap;

use sei_api::v1alpha1::{Mode, PeerSource};
use sei_node::{PERSISTENT_PEERS, is_override_key};
use serde::{Deserialize, Serialize};

use crate::{
    TaskError, TaskKind,
    peers::{persistent, selects_by_label},
};

/// Key that stores EVM state in a separate database: on by default in mode `full` since v0.0.67. With it,
/// seid does not start on data that is not split.
pub(crate) const EVM_SPLIT: &str = "storage.state_store.evm_ss_split";

/// Input of `config-apply`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigIntent {
    /// Mode whose defaults are used.
    pub mode: String,
    /// Dotted keys that take precedence over those defaults.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<String, String>,
    /// Version of the configuration; 0 is the current one.
    #[serde(skip_serializing_if = "is_default")]
    pub target_version: i64,
    /// Change the files instead of rewriting them.
    #[serde(skip_serializing_if = "is_default")]
    pub incremental: bool,
    /// Sources of the persistent peers; `None` leaves them unchanged. Plans of the Go controller have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<PeerSource>>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl ConfigIntent {
    /// Keeps the state store unsplit, unless the spec sets it.
    pub(crate) fn keep_data_unsplit(&mut self) {
        if self.mode == Mode::FullNode.config_mode() {
            self.overrides.entry(EVM_SPLIT.to_owned()).or_insert_with(|| false.to_string());
        }
    }

    /// Removes the default that a sidecar rejected with `error` because the key is newer than the sidecar.
    pub(crate) fn drop_unknown_key(&mut self, error: &str) {
        let is_ours = self.overrides.get(EVM_SPLIT).is_some_and(|value| value == "false");
        if is_ours && error.contains(&format!("unknown override key {EVM_SPLIT:?}")) {
            self.overrides.remove(EVM_SPLIT);
        }
    }

    /// Whether it uses peers found by label sources.
    pub(crate) fn has_label_peers(&self) -> bool {
        !self.overrides.contains_key(PERSISTENT_PEERS) && self.peers.iter().flatten().any(selects_by_label)
    }

    /// Whether it has peers from sources other than labels.
    pub(crate) fn has_other_peers(&self) -> bool {
        self.peers.iter().flatten().any(|source| !selects_by_label(source))
    }

    /// The keys to set: persistent peers in the overrides of the spec take precedence.
    pub(crate) fn overrides_with(&self, label_peers: &[String]) -> BTreeMap<String, String> {
        let mut overrides = self.overrides.clone();
        if let Some(sources) = &self.peers {
            let found = persistent(sources, label_peers);
            // Using only the known peers is better than none.
            if !(found.is_empty() && self.incremental && !sources.is_empty()) {
                overrides.entry(PERSISTENT_PEERS.to_owned()).or_insert(found);
            }
        }
        overrides
    }

    pub(crate) fn check(&self) -> Result<(), TaskError> {
        let wrong = |field: &str, why: String| TaskError::WrongParam {
            task: TaskKind::ConfigApply.as_str().to_owned(),
            field: field.to_owned(),
            why,
        };
        if !["validator", "full", "seed", "archive"].contains(&self.mode.as_str()) {
            return Err(wrong("mode", format!("{:?} is not a configuration mode", self.mode)));
        }
        if !(0..=2).contains(&self.target_version) {
            return Err(wrong("targetVersion", format!("{} is not 0, 1 or 2", self.target_version)));
        }
        match self.overrides.keys().find(|key| !is_override_key(key)) {
            Some(key) => Err(wrong("overrides", format!("{key:?} is not a key of the Sei configuration"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_peers_are_not_replaced_with_an_empty_list() {
        let peers = |sources: serde_json::Value, incremental: bool, found: &[&str]| {
            let peers = serde_json::from_value(sources).unwrap();
            let intent = ConfigIntent { incremental, peers, ..ConfigIntent::default() };
            let found: Vec<_> = found.iter().map(|peer| (*peer).to_owned()).collect();
            intent.overrides_with(&found).remove(PERSISTENT_PEERS)
        };
        let label = json!([{ "label": { "selector": { "chain": "c" } } }]);
        assert_eq!(peers(label.clone(), true, &["a@b:1"]).as_deref(), Some("a@b:1"));
        assert_eq!(peers(label.clone(), true, &[]), None);
        assert_eq!(peers(label, false, &[]).as_deref(), Some(""), "a new configuration has none yet");
        assert_eq!(peers(json!([]), true, &[]).as_deref(), Some(""), "the spec says so");
        assert_eq!(peers(json!(null), true, &["a@b:1"]), None);
    }
}
