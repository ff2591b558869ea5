//! The data volume of a node.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{rules, schema};

/// How the data volume is obtained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("(!has(oldSelf.import) || has(self.import))", "import cannot be unset once configured"),
    validation = (
        "!has(self.import) || !has(self.retainOnDelete)",
        "retainOnDelete cannot be combined with import: an imported claim is never deleted",
    )
)]
pub struct DataVolume {
    /// Use an existing claim instead of creating one. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportVolume>,
    /// The claim is kept when the SeiNode is deleted. A SeiNode of the same name and chain that also sets this field reuses it:
    /// nothing is restored or bootstrapped again. Label `sei.io/retained-for` on the claim names the SeiNode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_on_delete: Option<bool>,
    /// Size and class in later versions of sei-k8s-controller. No effect: the platform's storage applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::kept")]
    pub storage: Option<Value>,
}

/// An existing claim. The operator never changes or deletes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportVolume {
    /// Name of the PersistentVolumeClaim in the SeiNode's namespace. Immutable.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::CLAIM_NAME, validation = ("self == oldSelf", "pvcName is immutable"))]
    pub pvc_name: String,
}
