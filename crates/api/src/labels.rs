//! Label and annotation keys, the finalizer, the field manager: names that other tools may rely on.

use std::collections::BTreeMap;

use kube::Resource;

use crate::SeiNode;
pub use crate::keys::{DEPLOYMENT, OF_GROUPS, PREFIX, REVISION};

/// Name of the SeiNode; the only key in the selector of the production pod.
pub const NODE: &str = "sei.io/node";
/// Ordinal of a SeiNode in its group.
pub const DEPLOYMENT_ORDINAL: &str = "sei.io/nodedeployment-ordinal";
/// `spec.chainId`.
pub const CHAIN: &str = "sei.io/chain";
/// Role of the node, derived from its mode.
pub const ROLE: &str = "sei.io/role";
/// `bootstrap` on the bootstrap Job, its pod and its Service.
pub const COMPONENT: &str = "sei.io/component";
/// Value of [`COMPONENT`] on bootstrap objects.
pub const COMPONENT_BOOTSTRAP: &str = "bootstrap";
/// Annotation on a SeiNode: any new value starts a new plan after a failed one.
pub const RETRY_ANNOTATION: &str = "sei.io/retry";
/// Annotation on a SeiNode, with value `true`: its pod shares its machine with no pod of another SeiNode.
pub const DEDICATED_ANNOTATION: &str = "sei.io/dedicated-node";
/// Annotation on a SeiNode with a controller, such as a SeiNodeDeployment: the images of the sidecar and its proxy that a paced
/// rollout may replace now, as that controller allows. It has no effect once the pod has other images.
pub const SIDECAR_UPDATE_ANNOTATION: &str = "sei.io/sidecar-update";
/// Label on the pods of nodes whose snapshots are uploaded, with value `true`.
pub const SNAPSHOT_PUBLISH: &str = "sei.io/snapshot-publish";
/// Annotation on a data volume claim: the volume holds the state of this chain. It is never bootstrapped, restored or
/// state-synced again, whichever SeiNode uses it.
pub const INITIALIZED_ANNOTATION: &str = "sei.io/initialized";
/// Annotation on a data volume claim: the mode of the configuration on the volume. A node of the same mode changes it in place.
pub const CONFIG_MODE_ANNOTATION: &str = "sei.io/config-mode";
/// Annotation on a data volume claim: the SeiNode to be created on it, as JSON. Present from before the old
/// SeiNode is deleted until the new one is Ready. A SeiNode waits for a claim that has no owner and this
/// annotation.
pub const RECREATE_ANNOTATION: &str = "sei.io/recreate-node";
/// Annotation on the data volume claim of a group's first SeiNode: the SeiNodeDeployment to be recreated, as
/// JSON.
pub const RECREATE_GROUP_ANNOTATION: &str = "sei.io/recreate-group";
/// Label on a data volume claim that no SeiNode owns: name of the SeiNode that it was created for, which it outlives.
pub const RETAINED_FOR: &str = "sei.io/retained-for";
/// Annotation on objects that a SeiNodeDeployment manages, with value [`MANAGED_BY_DEPLOYMENT`].
pub const MANAGED_BY_ANNOTATION: &str = "sei.io/managed-by";
/// Value of [`MANAGED_BY_ANNOTATION`].
pub const MANAGED_BY_DEPLOYMENT: &str = "seinodedeployment";
/// Annotation on a SeiNodeDeployment: comma-separated UIDs of validators that may be deleted with the only
/// copy of their keys.
pub const CONFIRM_KEY_LOSS_ANNOTATION: &str = "sei.io/confirm-key-loss";
/// Finalizer on every SeiNodeDeployment, the same as the Go controller's.
pub const DEPLOYMENT_FINALIZER: &str = "sei.io/seinodedeployment-finalizer";
/// Field manager for what a SeiNodeDeployment applies, the same as the Go controller's.
pub const DEPLOYMENT_FIELD_MANAGER: &str = "seinodedeployment-controller";
/// Field manager of what the Go controller created and updated without server-side apply: the name of its
/// binary.
pub const GO_FIELD_MANAGER: &str = "manager";
/// Finalizer on every SeiNode.
pub const FINALIZER: &str = "sei.io/seinode-finalizer";
/// Field manager for server-side apply, the same as the Go controller's, so that objects are taken over in
/// place.
pub const FIELD_MANAGER: &str = "seinode-controller";
/// Audience of sidecar tokens that the proxies of all nodes accepted before each node had its own audience,
/// which begins with this one. A node accepts it until its pod is replaced.
pub const SHARED_SIDECAR_AUDIENCE: &str = "sei-sidecar";
/// Prevents Karpenter from moving a pod whose volume took hours to fill.
pub const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";

/// Labels of every production object of `node`: its `podLabels` without keys of the operator, which older
/// CRDs admit, then the operator's own.
pub fn node_labels(node: &SeiNode) -> BTreeMap<String, String> {
    let mut labels = node.spec.pod_labels.clone().unwrap_or_default();
    labels.retain(|key, _| !is_reserved(key));
    labels.extend(selector(node));
    if !node.spec.chain_id.is_empty() {
        labels.insert(CHAIN.to_owned(), node.spec.chain_id.clone());
    }
    if let Some(mode) = node.spec.mode() {
        labels.insert(ROLE.to_owned(), mode.role().to_owned());
    }
    labels
}

/// Whether users may not set a label with this key.
pub fn is_reserved(key: &str) -> bool {
    key.starts_with(PREFIX) && !OF_GROUPS.contains(&key)
}

/// Audience of the tokens that the proxy of `node` accepts: a token for one node gives no access to another.
pub fn sidecar_audience(node: &SeiNode) -> String {
    let (namespace, name) = (crate::names::namespace(node), crate::names::node(node));
    format!("{SHARED_SIDECAR_AUDIENCE}/{namespace}/{name}")
}

/// The selector of the StatefulSet and the headless Service. It must not contain anything mutable.
pub fn selector(node: &SeiNode) -> BTreeMap<String, String> {
    BTreeMap::from([(NODE.to_owned(), crate::names::node(node).to_owned())])
}

/// Labels and selector of the bootstrap Job, its pod and its Service.
pub fn bootstrap(node: &SeiNode) -> BTreeMap<String, String> {
    let mut labels = selector(node);
    labels.insert(COMPONENT.to_owned(), COMPONENT_BOOTSTRAP.to_owned());
    labels
}

/// The value of annotation `sei.io/retry` of a SeiNode or a SeiNodeDeployment.
pub fn retry_request(object: &impl Resource) -> Option<&str> {
    object.meta().annotations.as_ref()?.get(RETRY_ANNOTATION).map(String::as_str)
}

/// The value of [`SIDECAR_UPDATE_ANNOTATION`] with which the images in the pod of a SeiNode may be replaced, if they are known.
pub fn sidecar_update(node: &SeiNode) -> Option<String> {
    let status = node.status.as_ref()?;
    let sidecar = status.current_sidecar_image.clone()?;
    Some(
        [Some(sidecar), status.current_proxy_image.clone()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// Whether the controller of a SeiNode allows that the images of the sidecar in its pod are replaced.
pub fn allows_sidecar_update(node: &SeiNode) -> bool {
    let annotations = node.metadata.annotations.as_ref();
    let allowed = annotations.and_then(|all| all.get(SIDECAR_UPDATE_ANNOTATION));
    allowed.is_some() && allowed == sidecar_update(node).as_ref()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(spec: serde_json::Value) -> SeiNode {
        let metadata = json!({ "name": "node-0" });
        let object =
            json!({ "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "metadata": metadata, "spec": spec });
        serde_json::from_value(object).unwrap()
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn pod_labels_cannot_set_labels_of_the_operator() {
        let spec = json!({
            "chainId": "pacific-1",
            "image": "seid",
            "validator": {},
            "podLabels": {
                "team": "core", NODE: "other", ROLE: "other", CHAIN: "other", COMPONENT: "bootstrap", "sei.io/revision": "1",
            },
        });
        let wanted = [
            ("team", "core"),
            ("sei.io/revision", "1"),
            (NODE, "node-0"),
            (CHAIN, "pacific-1"),
            (ROLE, "validator"),
        ];
        assert_eq!(node_labels(&node(spec)), map(&wanted));
    }

    #[test]
    fn each_node_has_an_audience() {
        let mut node = node(json!({ "chainId": "c", "image": "i", "fullNode": {} }));
        node.metadata.namespace = Some("pacific".to_owned());
        assert_eq!(sidecar_audience(&node), "sei-sidecar/pacific/node-0");
    }

    #[test]
    fn roles_follow_the_mode() {
        let cases = [
            ("fullNode", json!({}), "node"),
            ("archive", json!({}), "archive"),
            ("validator", json!({}), "validator"),
            ("replayer", json!({ "snapshot": { "s3": { "targetHeight": 1 } } }), "replayer"),
        ];
        for (mode, settings, role) in cases {
            let labels = node_labels(&node(json!({ "chainId": "c", "image": "i", mode: settings })));
            assert_eq!(labels[ROLE], role, "{mode}");
        }
    }

    #[test]
    fn a_node_without_chain_and_mode_has_only_the_name_label() {
        assert_eq!(node_labels(&node(json!({ "chainId": "", "image": "" }))), map(&[(NODE, "node-0")]));
    }

    #[test]
    fn selectors_contain_nothing_mutable() {
        let node =
            node(json!({ "chainId": "c", "image": "i", "fullNode": {}, "podLabels": { "team": "core" } }));
        assert_eq!(selector(&node), map(&[(NODE, "node-0")]));
        assert_eq!(bootstrap(&node), map(&[(NODE, "node-0"), (COMPONENT, "bootstrap")]));
    }
}
