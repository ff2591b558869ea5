//! What `config-apply` makes the configuration from.

use std::collections::BTreeMap;

use sei_api::v1alpha1::{Mode, PeerSource};
use sei_node::{PERSISTENT_PEERS, is_override_key};
use serde::{Deserialize, Serialize};

use crate::{
    TaskError, TaskKind,
    peers::{persistent, selects_by_label},
};

/// Key that splits the EVM's part off the state store: since v0.0.67 on by default in mode `full`. seid does not start with
/// it on data that is not split.
pub(crate) const EVM_SPLIT: &str = "storage.state_store.evm_ss_split";

/// What `config-apply` makes the configuration from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigIntent {
    /// Mode whose defaults are used.
    pub mode: String,
    /// Dotted keys over those defaults.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<String, String>,
    /// Version of the configuration; 0 is the current one.
    #[serde(skip_serializing_if = "is_default")]
    pub target_version: i64,
    /// Change the files instead of rewriting them.
    #[serde(skip_serializing_if = "is_default")]
    pub incremental: bool,
    /// Where the persistent peers come from; `None` leaves them alone. Plans of the Go controller have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<PeerSource>>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl ConfigIntent {
    /// Keeps the state store in one, where the spec does not say otherwise.
    pub(crate) fn keep_data_unsplit(&mut self) {
        if self.mode == Mode::FullNode.config_mode() {
            self.overrides.entry(EVM_SPLIT.to_owned()).or_insert_with(|| false.to_string());
        }
    }

    /// Leaves out the default that a sidecar refused with `error`, because it is older than the key.
    pub(crate) fn forgo_what_is_unknown(&mut self, error: &str) {
        let is_ours = self.overrides.get(EVM_SPLIT).is_some_and(|value| value == "false");
        if is_ours && error.contains(&format!("unknown override key {EVM_SPLIT:?}")) {
            self.overrides.remove(EVM_SPLIT);
        }
    }

    /// Whether it has the peers that label sources find.
    pub(crate) fn has_label_peers(&self) -> bool {
        !self.overrides.contains_key(PERSISTENT_PEERS) && self.peers.iter().flatten().any(selects_by_label)
    }

    /// Whether it has peers that no label source finds.
    pub(crate) fn has_other_peers(&self) -> bool {
        self.peers.iter().flatten().any(|source| !selects_by_label(source))
    }

    /// The keys to set: persistent peers that the spec overrides stay as they are there.
    pub(crate) fn overrides_with(&self, label_peers: &[String]) -> BTreeMap<String, String> {
        let mut overrides = self.overrides.clone();
        if let Some(sources) = &self.peers {
            overrides.entry(PERSISTENT_PEERS.to_owned()).or_insert_with(|| persistent(sources, label_peers));
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
