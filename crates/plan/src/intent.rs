//! What the node's configuration is made from.

use std::collections::BTreeMap;

use sei_api::{
    SeiNode,
    v1alpha1::{Mode, TendermintSnapshotGeneration},
};

use crate::ConfigIntent;

/// Key of the log level of seid, and its value in every node.
pub const LOG_LEVEL: (&str, &str) = ("logging.level", "info");

/// The intent of `config-apply`: what the mode asks for, then the user's overrides, then what is forced.
pub(crate) fn config_intent(node: &SeiNode, mode: Mode) -> ConfigIntent {
    let mut overrides = BTreeMap::new();
    let mut put = |key: &str, value: &str| overrides.insert(key.to_owned(), value.to_owned());
    let address = node.status.as_ref().and_then(|status| status.external_address.as_deref());
    if let Some(address) = address.filter(|address| !address.is_empty()) {
        put("network.p2p.external_address", address);
    }
    let generation = node.spec.snapshot_generation().and_then(|generation| generation.tendermint.as_ref());
    match (mode, generation) {
        (Mode::FullNode, Some(tendermint)) => {
            snapshots(tendermint, &mut put);
            put("storage.pruning_keep_recent", "50000");
            put("storage.pruning_keep_every", "0");
            put("chain.min_retain_blocks", "50000");
            put("network.p2p.max_connections", "500");
            put("network.p2p.send_rate", "20971520");
            put("network.p2p.recv_rate", "20971520");
        }
        (Mode::Archive, Some(tendermint)) => snapshots(tendermint, &mut put),
        (Mode::Replayer, _) => {
            put("storage.state_commit.async_commit_buffer", "100");
            put("storage.state_commit.memiavl.snapshot_keep_recent", "2");
            put("storage.state_commit.memiavl.snapshot_min_time_interval", "3600");
        }
        (Mode::FullNode | Mode::Archive, None) | (Mode::Validator, _) => {}
    }
    overrides.extend(node.spec.overrides.clone().unwrap_or_default());
    // Operators of the fleet rely on these logs; a spec must not silence them.
    overrides.insert(LOG_LEVEL.0.to_owned(), LOG_LEVEL.1.to_owned());
    ConfigIntent { mode: mode.config_mode().to_owned(), overrides, ..ConfigIntent::default() }
}

fn snapshots(tendermint: &TendermintSnapshotGeneration, put: &mut impl FnMut(&str, &str) -> Option<String>) {
    put("storage.snapshot_interval", "2000");
    put("storage.snapshot_keep_recent", &tendermint.keep_recent.to_string());
}
