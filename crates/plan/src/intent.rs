//! How the node's configuration is derived.

use std::collections::BTreeMap;

use sei_node::{Mode, Node, Snapshots};

use crate::ConfigIntent;

/// Key of seid's log level, and its value in every node.
pub const LOG_LEVEL: (&str, &str) = ("logging.level", "info");

/// Key that turns state sync on.
pub(crate) const STATE_SYNC: &str = "state_sync.enable";
/// Key of the state store, without which there is nothing to split.
const STATE_STORE: &str = "storage.state_store.enable";

/// The input of `config-apply`: the defaults of the mode, then the user's overrides, then enforced values.
pub(crate) fn config_intent(node: &Node<'_>) -> ConfigIntent {
    let mut overrides = BTreeMap::new();
    let mut put = |key: &str, value: &str| overrides.insert(key.to_owned(), value.to_owned());
    if let Some(address) = node.object.external_address() {
        put("network.p2p.external_address", address);
    }
    match &node.mode {
        Mode::FullNode { snapshots: Some(snapshots), .. } => {
            keep(snapshots, &mut put);
            put("storage.pruning_keep_recent", "50000");
            put("storage.pruning_keep_every", "0");
            put("chain.min_retain_blocks", "50000");
            put("network.p2p.max_connections", "500");
            put("network.p2p.send_rate", "20971520");
            put("network.p2p.recv_rate", "20971520");
        }
        Mode::Archive { snapshots: Some(snapshots) } => keep(snapshots, &mut put),
        Mode::Replayer { .. } => {
            put("storage.state_commit.async_commit_buffer", "100");
            put("storage.state_commit.memiavl.snapshot_keep_recent", "2");
            put("storage.state_commit.memiavl.snapshot_min_time_interval", "3600");
        }
        Mode::FullNode { snapshots: None, .. }
        | Mode::Archive { snapshots: None }
        | Mode::Validator { .. } => {}
    }
    overrides.extend(node.object.spec.overrides.clone().unwrap_or_default());
    // Those who operate the fleet rely on these logs; a spec must not silence them.
    overrides.insert(LOG_LEVEL.0.to_owned(), LOG_LEVEL.1.to_owned());
    let has_no_store = overrides.get(STATE_STORE).is_some_and(|value| value == "false");
    let mode = node.mode.kind().config_mode().to_owned();
    let mut intent = ConfigIntent { mode, overrides, ..ConfigIntent::default() };
    if has_no_store {
        intent.keep_data_unsplit();
    }
    intent
}

fn keep(snapshots: &Snapshots, put: &mut impl FnMut(&str, &str) -> Option<String>) {
    put("storage.snapshot_interval", "2000");
    put("storage.snapshot_keep_recent", &snapshots.keep_recent.to_string());
}
