//! What only one pod at a time may use: a signing key, which would sign twice in two pods, or a data volume.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::PodSpec};
use sei_api::{SeiNode, names};
use sei_render::{SIGNING_KEY_FILE, SIGNING_KEY_VOLUME};
use serde_json::Value;

/// Something that only one pod at a time may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exclusive {
    /// A data volume, by its claim.
    Volume {
        /// Namespace of the claim.
        namespace: String,
        /// Its name.
        claim: String,
    },
    /// A signing key.
    Key {
        /// Namespace of the Secret.
        namespace: String,
        /// Its name.
        secret: String,
        /// The chain that it signs.
        chain: String,
    },
}

/// The public key of a signing key, by which copies are recognized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    address: String,
    key: String,
}

impl PublicKey {
    /// The public key in the data of a Secret.
    pub fn of_data(data: &BTreeMap<String, ByteString>) -> Option<Self> {
        Self::read(&data.get(SIGNING_KEY_FILE)?.0)
    }

    /// The public key in the content of a `priv_validator_key.json`.
    pub fn read(json: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(json).ok()?;
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Some(Self {
            address: text(json.get("address")?)?.to_ascii_uppercase(),
            key: text(json.get("pub_key")?.get("value")?)?,
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.address == other.address || self.key == other.key
    }
}

/// The public key in a Secret, by namespace and name; `None` if it is unknown.
pub type Known<'a> = &'a dyn Fn(&str, &str) -> Option<PublicKey>;

impl Exclusive {
    /// What the pod of `node` needs.
    pub fn of_node(node: &SeiNode) -> Vec<Self> {
        let namespace = || names::namespace(node).to_owned();
        let key = node.spec.validator.as_ref().and_then(|validator| validator.signing_key.as_ref());
        let key = key.and_then(|key| key.secret.as_ref()).map(|secret| Self::Key {
            namespace: namespace(),
            secret: secret.secret_name.clone(),
            chain: node.spec.chain_id.clone(),
        });
        let volume = Self::Volume { namespace: namespace(), claim: names::data_claim(node) };
        key.into_iter().chain([volume]).collect()
    }

    /// What a pod with this namespace, chain and spec mounts.
    pub fn of_pod(namespace: &str, chain: &str, spec: &PodSpec) -> Vec<Self> {
        let volumes = spec.volumes.iter().flatten();
        let mounted = volumes.filter_map(|volume| {
            if let Some(claim) = &volume.persistent_volume_claim {
                return Some(Self::Volume {
                    namespace: namespace.to_owned(),
                    claim: claim.claim_name.clone(),
                });
            }
            let secret = volume.secret.as_ref().filter(|_| volume.name == SIGNING_KEY_VOLUME)?;
            Some(Self::Key {
                namespace: namespace.to_owned(),
                secret: secret.secret_name.clone()?,
                chain: chain.to_owned(),
            })
        });
        mounted.collect()
    }

    /// Namespace and name of the Secret with the key.
    pub fn secret(&self) -> Option<(&str, &str)> {
        match self {
            Self::Volume { .. } => None,
            Self::Key { namespace, secret, .. } => Some((namespace, secret)),
        }
    }

    /// Whether it is a key that signs `chain`. Objects without a chain label may sign any chain.
    pub fn is_key_of(&self, chain: &str) -> bool {
        matches!(self, Self::Key { chain: own, .. } if own == chain || own.is_empty())
    }

    pub(crate) fn compare(&self, other: &Self, known: Known<'_>) -> Sameness {
        match (self, other) {
            _ if self == other => Sameness::Same,
            (
                Self::Key { namespace, secret, chain },
                Self::Key { namespace: other_namespace, secret: other_secret, .. },
            ) if other.is_key_of(chain) => {
                match (known(namespace, secret), known(other_namespace, other_secret)) {
                    (Some(own), Some(other)) if own.is_same(&other) => Sameness::Same,
                    (Some(_), None) => Sameness::Unknown,
                    // A node whose own key cannot be read is not started in any case.
                    (Some(_), Some(_)) | (None, _) => Sameness::Different,
                }
            }
            _ => Sameness::Different,
        }
    }
}

/// Whether two exclusive resources are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sameness {
    Different,
    /// The other key cannot be read.
    Unknown,
    Same,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_not_kept() {
        let json = br#"{"address":"A","pub_key":{"value":"P"},"priv_key":{"value":"SECRET"}}"#;
        let debug = format!("{:?}", PublicKey::read(json).unwrap());
        assert!(debug.contains('P') && !debug.contains("SECRET"));
    }
}
