//! Label and annotation keys, the finalizer, the field manager: what other tools may rely on.

use std::collections::BTreeMap;

use crate::SeiNode;

/// Name of the SeiNode; the only key that ever enters a selector of the production pod.
pub const NODE: &str = "sei.io/node";
/// `spec.chainId`.
pub const CHAIN: &str = "sei.io/chain";
/// Role of the node, see [`crate::v1alpha1::Mode::role`].
pub const ROLE: &str = "sei.io/role";
/// `bootstrap` on the bootstrap Job, its pod and its Service.
pub const COMPONENT: &str = "sei.io/component";
/// Value of [`COMPONENT`] on bootstrap objects.
pub const COMPONENT_BOOTSTRAP: &str = "bootstrap";
/// Annotation on a SeiNode: any new value makes a new plan after a failed one.
pub const RETRY_ANNOTATION: &str = "sei.io/retry";
/// Finalizer on every SeiNode.
pub const FINALIZER: &str = "sei.io/seinode-finalizer";
/// Server-side apply field manager, the one of the Go controller, so that objects are taken over in place.
pub const FIELD_MANAGER: &str = "seinode-controller";
/// Audience of the tokens that the operator sends to sidecars, and the only one their proxies accept.
pub const SIDECAR_TOKEN_AUDIENCE: &str = "sei-sidecar";
/// Keeps Karpenter from moving a pod whose volume took hours to fill.
pub const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";

/// Labels of every production object of `node`: its `podLabels` first, then ours, which win.
pub fn node_labels(node: &SeiNode) -> BTreeMap<String, String> {
    let mut labels = node.spec.pod_labels.clone().unwrap_or_default();
    labels.extend(selector(node));
    if !node.spec.chain_id.is_empty() {
        labels.insert(CHAIN.to_owned(), node.spec.chain_id.clone());
    }
    if let Some(mode) = node.spec.mode() {
        labels.insert(ROLE.to_owned(), mode.role().to_owned());
    }
    labels
}

/// The selector of the StatefulSet and the headless Service. Nothing mutable may enter it.
pub fn selector(node: &SeiNode) -> BTreeMap<String, String> {
    BTreeMap::from([(NODE.to_owned(), crate::names::node(node).to_owned())])
}

/// Labels and selector of the bootstrap Job, its pod and its Service.
pub fn bootstrap(node: &SeiNode) -> BTreeMap<String, String> {
    let mut labels = selector(node);
    labels.insert(COMPONENT.to_owned(), COMPONENT_BOOTSTRAP.to_owned());
    labels
}
