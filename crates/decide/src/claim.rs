//! The observed data volume claim.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;
use sei_api::{SeiNode, labels, names};

use crate::objects::is_owned_by;

/// A volume claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// Its UID: work completed on a claim with another UID was done on another volume.
    pub uid: String,
    /// `status.phase`.
    pub phase: Option<String>,
    /// The PersistentVolume that it is bound to.
    pub volume: Option<String>,
    /// When its deletion was requested. It remains until no pod uses it.
    pub deleted_at: Option<Timestamp>,
    /// Whether it belongs to the SeiNode, see [`is_own`].
    pub is_owned: bool,
    /// Whether it outlives the SeiNode: it has no owner.
    pub is_retained: bool,
    /// Whether it is marked as initialized: its volume holds the state of the chain.
    pub has_state: bool,
    /// Mode of the configuration on the volume, if recorded.
    pub config_mode: Option<String>,
}

impl Claim {
    /// The parts of `claim` that a pass over `node` needs.
    pub fn of(claim: &PersistentVolumeClaim, node: &SeiNode) -> Self {
        Self {
            name: claim.metadata.name.clone().unwrap_or_default(),
            uid: claim.metadata.uid.clone().unwrap_or_default(),
            phase: claim.status.as_ref().and_then(|status| status.phase.clone()),
            volume: claim.spec.as_ref().and_then(|spec| spec.volume_name.clone()),
            deleted_at: claim.metadata.deletion_timestamp.as_ref().map(|time| time.0),
            is_owned: is_own(claim, node),
            is_retained: claim.labels().contains_key(labels::RETAINED_FOR),
            config_mode: claim.annotations().get(labels::CONFIG_MODE_ANNOTATION).cloned(),
            has_state: claim.annotations().contains_key(labels::INITIALIZED_ANNOTATION),
        }
    }
}

/// Whether `claim` belongs to `node`: the node controls it, or it was retained for a SeiNode of this name and chain and
/// the node requests it or already uses it.
pub fn is_own(claim: &PersistentVolumeClaim, node: &SeiNode) -> bool {
    is_owned_by(claim, node)
        || (is_retained_for(claim, node) && (node.spec.retains_data() || is_known(claim, node)))
}

/// Whether `claim` was retained for a SeiNode of the name and the chain of `node`.
pub fn is_retained_for(claim: &PersistentVolumeClaim, node: &SeiNode) -> bool {
    let label = |key: &str| claim.labels().get(key).map(String::as_str);
    claim.owner_references().is_empty()
        && label(labels::RETAINED_FOR) == Some(names::node(node))
        && label(labels::CHAIN) == Some(&node.spec.chain_id)
}

/// Whether `node` is Running on `claim`. A plan names the claim that it found.
fn is_known(claim: &PersistentVolumeClaim, node: &SeiNode) -> bool {
    let known = node.status.as_ref().and_then(|status| status.data_claim_uid.as_ref());
    known.is_some() && known == claim.metadata.uid.as_ref()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(retains: Value, status: Value) -> SeiNode {
        let spec = json!({ "chainId": "c", "image": "i", "fullNode": {}, "dataVolume": { "retainOnDelete": retains } });
        let metadata = json!({ "name": "rpc-0", "namespace": "sei", "uid": "new" });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec, "status": status })).unwrap()
    }

    fn claim(of: &str, chain: &str, owners: Value) -> PersistentVolumeClaim {
        let labels = json!({ labels::RETAINED_FOR: of, labels::CHAIN: chain });
        serde_json::from_value(
            json!({ "metadata": { "uid": "u", "labels": labels, "ownerReferences": owners } }),
        )
        .unwrap()
    }

    #[test]
    fn a_retained_claim_belongs_to_a_node_of_its_name_and_chain_that_requests_or_uses_it() {
        let (wants, not) = (node(json!(true), json!({})), node(json!(null), json!({})));
        let planned = json!({ "plan": { "phase": "Active", "tasks": [], "claimUid": "u" } });
        let owner = json!([{ "apiVersion": "v1", "kind": "Gateway", "name": "g", "uid": "g" }]);
        for (claim, node, expected) in [
            (claim("rpc-0", "c", json!([])), &wants, true),
            (claim("rpc-0", "c", json!([])), &not, false),
            (claim("rpc-1", "c", json!([])), &wants, false),
            (claim("rpc-0", "d", json!([])), &wants, false),
            (claim("rpc-0", "c", owner), &wants, false),
            (claim("rpc-0", "c", json!([])), &node(json!(false), json!({ "dataClaimUid": "u" })), true),
            (claim("rpc-0", "c", json!([])), &node(json!(false), json!({ "dataClaimUid": "other" })), false),
            (claim("rpc-0", "c", json!([])), &node(json!(false), planned), false),
        ] {
            assert_eq!(is_own(&claim, node), expected, "{claim:?} {:?}", node.spec.data_volume);
        }
    }
}
