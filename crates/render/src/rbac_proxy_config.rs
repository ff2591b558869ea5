//! Configuration of kube-rbac-proxy: which permission a client of the sidecar API needs.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use sei_api::{labels, names};

use crate::{meta::metadata, workload::Workload};

/// The virtual resource on which clients need a verb.
pub(crate) const RESOURCE: &str = "seinodetasks";
/// The only key of the proxy's ConfigMap.
pub const RBAC_PROXY_CONFIG_KEY: &str = "config.yaml";

/// The ConfigMap that the proxy mounts. `None` without TLS.
///
/// The key is `apiGroup`: the proxy silently ignores `group` and then checks the core group. Values are
/// quoted, since a namespace may be called `on` or `1e3`.
pub(crate) fn rbac_proxy_config(workload: &Workload<'_>) -> Option<ConfigMap> {
    workload.tls?;
    let node = workload.object();
    let config = format!(
        "authorization:\n  resourceAttributes:\n    apiGroup: \"sei.io\"\n    resource: \"{RESOURCE}\"\n    namespace: \"{}\"\n    name: \"{}\"\n",
        names::namespace(node),
        names::node(node)
    );
    Some(ConfigMap {
        metadata: metadata(node, names::rbac_proxy_config(node), labels::node_labels(node)),
        data: Some(BTreeMap::from([(RBAC_PROXY_CONFIG_KEY.to_owned(), config)])),
        ..ConfigMap::default()
    })
}
