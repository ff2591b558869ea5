//! Validators: their keys and the genesis ceremony, all immutable.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SnapshotSource, lenient, rules};

/// Default key name of a keyring Secret reference, also for objects stored before defaulting.
const DEFAULT_KEY_NAME: &str = "node_admin";

/// A node that signs blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = (
        "has(self.signingKey) == has(self.nodeKey)",
        "signingKey and nodeKey must be set together (validators get both or neither)",
    ),
    validation = (
        "!has(self.signingKey) || !has(self.nodeKey) || self.signingKey.secret.secretName != self.nodeKey.secret.secretName",
        "signingKey and nodeKey must reference distinct Secrets — packing both keys in one Secret collapses the bootstrap-pod trust boundary",
    ),
    validation = (
        "!has(self.operatorKeyring) || !has(self.signingKey) || self.operatorKeyring.secret.secretName != self.signingKey.secret.secretName",
        "operatorKeyring and signingKey must reference distinct Secrets — collapsing them into one Secret would force the sidecar/seid trust boundary to evaporate",
    ),
    validation = (
        "!has(self.operatorKeyring) || !has(self.nodeKey) || self.operatorKeyring.secret.secretName != self.nodeKey.secret.secretName",
        "operatorKeyring and nodeKey must reference distinct Secrets",
    ),
    validation = (
        "!has(self.operatorKeyring) || self.operatorKeyring.secret.secretName != self.operatorKeyring.secret.passphraseSecretRef.secretName",
        "operatorKeyring data Secret and passphrase Secret must be distinct",
    ),
    validation = (
        "!has(self.operatorKeyring) || !has(self.signingKey) || self.operatorKeyring.secret.passphraseSecretRef.secretName != self.signingKey.secret.secretName",
        "operatorKeyring passphrase Secret must not equal signingKey Secret",
    ),
    validation = (
        "!has(self.operatorKeyring) || !has(self.nodeKey) || self.operatorKeyring.secret.passphraseSecretRef.secretName != self.nodeKey.secret.secretName",
        "operatorKeyring passphrase Secret must not equal nodeKey Secret",
    ),
    validation = (
        "!has(self.signingKey) || !has(self.genesisCeremony)",
        "signingKey and genesisCeremony are mutually exclusive: a ceremony creates the node's keys; remove one of the two",
    ),
    // The names inside have rules where they are defined; these rules prevent removing a key and adding a
    // different one.
    validation = (
        "has(self.signingKey) == has(oldSelf.signingKey) && has(self.nodeKey) == has(oldSelf.nodeKey)",
        "signingKey and nodeKey are immutable; delete and recreate the SeiNode to add or remove them",
    ),
    validation = (
        "has(self.operatorKeyring) == has(oldSelf.operatorKeyring)",
        "operatorKeyring is immutable; delete and recreate the SeiNode to add or remove it",
    ),
    validation = (
        "has(self.genesisCeremony) == has(oldSelf.genesisCeremony)",
        "genesisCeremony is immutable; delete and recreate the SeiNode to add or remove it",
    ),
    validation = rules::SNAPSHOT_PRESENCE
)]
pub struct ValidatorSpec {
    /// Where the node's first state comes from. Absent: it syncs from genesis. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotSource>,
    /// Takes part in the genesis ceremony of a new chain. Mutually exclusive with `signingKey`. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis_ceremony: Option<GenesisCeremony>,
    /// Consensus key: a Secret with data key `priv_validator_key.json`. Requires `nodeKey`. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("(has(self.secret) ? 1 : 0) == 1", "exactly one signing key source must be set"))]
    pub signing_key: Option<KeySource>,
    /// P2P identity: a Secret with data key `node_key.json`. Requires `signingKey`. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("(has(self.secret) ? 1 : 0) == 1", "exactly one node key source must be set"))]
    pub node_key: Option<KeySource>,
    /// Keyring that the sidecar signs operator transactions with. Its Secrets are immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("(has(self.secret) ? 1 : 0) == 1", "exactly one operator keyring source must be set"))]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretName {
    /// Name of the Secret. Immutable.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::SECRET_NAME, validation = ("self == oldSelf", "secretName is immutable"))]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatorKeyringSecret {
    /// Name of the Secret with the keyring's files. Immutable.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::SECRET_NAME, validation = ("self == oldSelf", "secretName is immutable"))]
    pub secret_name: String,
    /// Key of the keyring that the node uses.
    #[serde(default = "default_key_name", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^[a-zA-Z0-9_-]+$"))]
    pub key_name: Option<String>,
    /// Where the passphrase is.
    pub passphrase_secret_ref: PassphraseSecretRef,
    /// In later versions of sei-k8s-controller: the keyring is also mounted in the container of seid. No effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seid_mount: Option<bool>,
}

fn default_key_name() -> Option<String> {
    Some(DEFAULT_KEY_NAME.to_owned())
}

impl OperatorKeyringSecret {
    /// The key's name, or the default.
    pub fn key_name(&self) -> &str {
        self.key_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(DEFAULT_KEY_NAME)
    }
}

/// One value of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PassphraseSecretRef {
    /// Name of the Secret. Immutable.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = rules::SECRET_NAME,
        validation = ("self == oldSelf", "passphrase secretName is immutable")
    )]
    pub secret_name: String,
    /// Data key of the passphrase.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// The node's part in the genesis of a new chain. Immutable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "self == oldSelf",
    "genesisCeremony is immutable; delete and recreate the SeiNode to change it",
))]
pub struct GenesisCeremony {
    /// Chain to create.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = rules::CHAIN_ID)]
    pub chain_id: String,
    /// Self-delegation of the gentx, with denomination.
    #[schemars(length(min = 1))]
    pub staking_amount: String,
    /// Genesis balance of the node's account, with denomination.
    #[schemars(length(min = 1))]
    pub account_balance: String,
    /// Genesis parameters as compact JSON; ignored if empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis_params: Option<String>,
    /// Ordinal of the node in its group; not used for a single node.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(with = "i32", range(min = 0, max = 2_147_483_647))]
    pub index: i64,
}
