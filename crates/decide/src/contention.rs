//! Which pod uses an object that only one pod at a time may use.
//!
//! This depends on pods, not on the age of SeiNodes: an existing pod uses what it mounts until it is gone, even while
//! it is terminating, on a machine that does not respond, or after its SeiNode was deleted. No other node starts before
//! that.

use std::cmp::Reverse;

use sei_api::{SeiNode, conditions::StalledReason};

use crate::exclusive::{Exclusive, Known, Sameness};
pub use crate::holder::{Stage, Use};

/// Why a node must not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Reason of condition `Stalled`.
    pub reason: StalledReason,
    /// Message of that condition.
    pub message: String,
}

/// Other users of what a node needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contention {
    /// The current user; while there is one, the node must not start a pod.
    pub rival: Option<Rival>,
    /// SeiNodes, as `namespace/name`, that wait for the signing key of this one.
    pub waiting_for_key: Vec<String>,
    /// SeiNodes that wait for its volume.
    pub waiting_for_volume: Vec<String>,
}

/// The contention for what `node` needs. `uses` are those of all nodes, including its own.
pub fn contention(node: &SeiNode, uses: &[Use], known: Known<'_>) -> Contention {
    let mut contention = Contention::default();
    let named = Use::of_node(node, Stage::Named);
    // The one with the strongest claim is reported.
    let mut others: Vec<&Use> = uses.iter().filter(|it| !it.is_of(node)).collect();
    others.sort_by_key(|it| Reverse(it.stage));
    for wanted in &named.resources {
        let relation = |it: &Use| {
            let resources = it.resources.iter().map(|resource| wanted.compare(resource, known));
            resources.max().unwrap_or(Sameness::Different)
        };
        let own = uses.iter().filter(|it| it.is_of(node) && relation(it) == Sameness::Same);
        let own = own.max_by_key(|it| it.stage).unwrap_or(&named);
        for other in others.iter().copied() {
            match relation(other) {
                Sameness::Same if other.precedes(own) => {
                    contention.rival.get_or_insert_with(|| held(wanted, other, own));
                }
                Sameness::Same => {
                    let waiting = match wanted {
                        Exclusive::Key { .. } => &mut contention.waiting_for_key,
                        Exclusive::Volume { .. } => &mut contention.waiting_for_volume,
                    };
                    let name = format!("{}/{}", other.namespace, other.node);
                    if !waiting.contains(&name) {
                        waiting.push(name);
                    }
                }
                Sameness::Unknown if other.stage >= Stage::Template && own.stage < Stage::Pod => {
                    contention.rival.get_or_insert_with(|| unknown(other));
                }
                Sameness::Unknown | Sameness::Different => {}
            }
        }
    }
    contention
}

fn held(wanted: &Exclusive, other: &Use, own: &Use) -> Rival {
    let (reason, resource, why) = match wanted {
        Exclusive::Volume { claim, .. } => {
            (StalledReason::VolumeInUse, format!("volume claim {claim}"), "a volume serves one node")
        }
        Exclusive::Key { secret, .. } => (
            StalledReason::SigningKeyInUse,
            format!("the signing key in Secret {secret}"),
            "a validator whose key signs in two pods is slashed",
        ),
    };
    let holder = &other.object;
    let remedy = match (own.stage, other.stage) {
        (Stage::Pod, Stage::Pod) => {
            "both pods are using it: delete one of the two SeiNodes immediately".to_owned()
        }
        (_, Stage::Pod) => format!("this node starts when {holder} is gone"),
        _ => format!("this node starts when {holder} is deleted"),
    };
    Rival { reason, message: format!("{resource} is in use by {holder}, and {why}; {remedy}") }
}

fn unknown(other: &Use) -> Rival {
    let message = format!(
        "the signing key that {} mounts cannot be compared with the key of this node, because its Secret cannot be read; \
         this node starts when that Secret is readable or that object is gone",
        other.object
    );
    Rival { reason: StalledReason::SigningKeyInUse, message }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use sei_api::names;
    use serde_json::json;

    use super::*;
    use crate::exclusive::PublicKey;

    fn validator(namespace: &str, name: &str, secret: &str, created: i64) -> SeiNode {
        let at = Timestamp::from_second(created).unwrap().to_string();
        let metadata = json!({ "name": name, "namespace": namespace, "uid": name, "creationTimestamp": at });
        let key = |name: &str| json!({ "secret": { "secretName": name } });
        let spec = json!({ "chainId": "c", "image": "i",
            "validator": { "signingKey": key(secret), "nodeKey": key("n") } });
        let node =
            json!({ "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "metadata": metadata, "spec": spec });
        serde_json::from_value(node).unwrap()
    }

    fn at(node: &SeiNode, stage: Stage) -> Use {
        let object = format!("{stage:?} of {}/{}", names::namespace(node), names::node(node));
        Use { object, ..Use::of_node(node, stage) }
    }

    /// Secrets called `copy…` contain the key of `key`, `lost` cannot be read, others have different keys.
    fn known(namespace: &str, secret: &str) -> Option<PublicKey> {
        let key = match secret {
            "lost" => return None,
            copy if copy.starts_with("copy") || copy == "key" => "key".to_owned(),
            other => format!("{namespace}/{other}"),
        };
        let json = json!({ "address": key, "pub_key": { "type": "t", "value": key }, "priv_key": {} });
        PublicKey::read(json.to_string().as_bytes())
    }

    fn rival(node: &SeiNode, uses: &[Use]) -> Option<String> {
        contention(node, uses, &known).rival.map(|rival| rival.message)
    }

    #[test]
    fn a_copy_of_the_key_in_another_secret_or_namespace_is_the_same_key() {
        let old = validator("a", "v1", "key", 1);
        for young in [
            validator("a", "v2", "key", 2),
            validator("a", "v2", "copy", 2),
            validator("b", "v1", "key", 2),
            validator("b", "v2", "copy-2", 2),
        ] {
            let uses = [at(&old, Stage::Named), at(&young, Stage::Named)];
            assert!(rival(&young, &uses).unwrap().contains("Named of a/v1"));
            assert_eq!(rival(&old, &uses), None);
            let waiting = contention(&old, &uses, &known).waiting_for_key;
            assert_eq!(waiting, [format!("{}/{}", names::namespace(&young), names::node(&young))]);
        }
        let other = validator("a", "v3", "own", 2);
        assert_eq!(rival(&other, &[at(&old, Stage::Pod), at(&other, Stage::Named)]), None);
    }

    #[test]
    fn the_node_that_is_closest_to_a_pod_goes_first_regardless_of_age() {
        let (old, young) = (validator("a", "v1", "key", 1), validator("a", "v2", "copy", 2));
        for stage in [Stage::Granted, Stage::Template, Stage::Pod] {
            let uses = [at(&old, Stage::Named), at(&young, stage)];
            assert!(rival(&old, &uses).is_some(), "{stage:?}");
            assert_eq!(rival(&young, &uses), None, "{stage:?}");
        }
    }

    #[test]
    fn the_pod_of_a_deleted_node_holds_the_key() {
        let (gone, next) = (validator("a", "v1", "key", 1), validator("b", "v2", "copy", 2));
        assert!(rival(&next, &[at(&gone, Stage::Pod)]).unwrap().contains("is gone"));
        assert_eq!(rival(&next, &[]), None);
    }

    #[test]
    fn two_pods_with_the_same_key_are_reported_on_both_nodes() {
        let (one, two) = (validator("a", "v1", "key", 1), validator("a", "v2", "copy", 2));
        let uses = [at(&one, Stage::Pod), at(&two, Stage::Pod)];
        for node in [&one, &two] {
            assert!(rival(node, &uses).unwrap().contains("immediately"));
        }
    }

    #[test]
    fn a_key_that_cannot_be_read_blocks_nodes_without_a_pod() {
        let (lost, node) = (validator("a", "v1", "lost", 1), validator("a", "v2", "key", 2));
        assert!(rival(&node, &[at(&lost, Stage::Pod)]).unwrap().contains("cannot be compared"));
        assert_eq!(rival(&node, &[at(&lost, Stage::Pod), at(&node, Stage::Pod)]), None);
        assert_eq!(rival(&node, &[at(&lost, Stage::Named)]), None, "the other node does not start either");
    }
}
