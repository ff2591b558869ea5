//! Validators: their keys and the genesis ceremony.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SnapshotSource;

/// Key name used where a keyring Secret reference gives none, also for objects stored before defaulting.
const DEFAULT_KEY_NAME: &str = "node_admin";

/// A node that signs blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidatorSpec {
    /// Where the node's first state comes from. Absent: it syncs from genesis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotSource>,
    /// Takes part in making the genesis of a new chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis_ceremony: Option<GenesisCeremony>,
    /// Consensus key (`priv_validator_key.json`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<KeySource>,
    /// P2P identity (`node_key.json`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_key: Option<KeySource>,
    /// Keyring with which the sidecar signs operator transactions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_keyring: Option<OperatorKeyring>,
}

/// Where a key comes from; `secret` is the only source and must be set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeySource {
    /// A Secret in the SeiNode's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretName>,
}

/// A Secret by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretName {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub secret_name: String,
}

/// Where the operator keyring comes from; `secret` is the only source and must be set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatorKeyring {
    /// A Secret that holds a keyring directory of the `file` backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<OperatorKeyringSecret>,
}

/// A keyring Secret and the Secret with its passphrase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatorKeyringSecret {
    /// Name of the Secret with the keyring's files.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub secret_name: String,
    /// Key in the keyring that the node uses.
    #[serde(default = "default_key_name", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^[a-zA-Z0-9_-]+$"))]
    pub key_name: Option<String>,
    /// Where the passphrase is.
    pub passphrase_secret_ref: PassphraseSecretRef,
}

fn default_key_name() -> Option<String> {
    Some(DEFAULT_KEY_NAME.to_owned())
}

impl OperatorKeyringSecret {
    /// The key's name, defaulted.
    pub fn key_name(&self) -> &str {
        self.key_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(DEFAULT_KEY_NAME)
    }
}

/// One value of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PassphraseSecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub secret_name: String,
    /// Data key of the passphrase.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// The node's part in the genesis of a new chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenesisCeremony {
    /// Chain to be made.
    #[schemars(length(min = 1))]
    pub chain_id: String,
    /// Self-delegation of the gentx, with denomination.
    #[schemars(length(min = 1))]
    pub staking_amount: String,
    /// Genesis balance of the node's account, with denomination.
    #[schemars(length(min = 1))]
    pub account_balance: String,
    /// Genesis parameters as compact JSON, passed on when not empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis_params: Option<String>,
    /// Ordinal of the node in its group; not used for a single node.
    #[schemars(range(min = 0))]
    pub index: i32,
}
