//! `SeiNodeDeployment` and its spec.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{DeploymentGenesis, SeiNodeDeploymentStatus, SeiNodeTemplate, UpdateStrategy, rules};
use crate::v1alpha1::lenient;

/// A group of SeiNodes as specified by its owner.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sei.io",
    version = "v1alpha1",
    kind = "SeiNodeDeployment",
    plural = "seinodedeployments",
    singular = "seinodedeployment",
    shortname = "snd",
    category = "sei",
    namespaced,
    status = "SeiNodeDeploymentStatus",
    doc = "A group of SeiNodes that are created from one template, scaled and updated together.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    validation = rules::name(),
    validation = rules::blue_green_name(),
    validation = rules::spec(),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Updated", type_ = "integer", json_path = ".status.updatedReplicas"),
    printcolumn(name = "Available", type_ = "integer", json_path = ".status.availableReplicas"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Chain", type_ = "string", json_path = ".spec.template.spec.chainId", priority = 1),
    printcolumn(name = "Image", type_ = "string", json_path = ".spec.template.spec.image", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    ),
    derive = "Default",
    derive = "PartialEq"
)]
// `remote`: the implementations below wrap the derived ones, so that an object without spec can be decoded.
#[serde(rename_all = "camelCase", remote = "Self")]
#[x_kube(
    validation = rules::GENESIS_NEEDS_VALIDATOR,
    validation = rules::GENESIS_PRESENCE,
    validation = rules::genesis_chain(),
    validation = rules::genesis_keys(),
    validation = rules::ceremony_in_template(),
    validation = rules::blue_green_mode(),
    validation = rules::blue_green_import(),
    validation = rules::exclusive("validator.signingKey.secret.secretName", "signing-key"),
    validation = rules::exclusive("validator.nodeKey.secret.secretName", "node-key"),
    validation = rules::exclusive("dataVolume.import.pvcName", "data")
)]
pub struct SeiNodeDeploymentSpec {
    /// Number of SeiNodes. They are named `<name>-0` to `<name>-<replicas - 1>`; a `BlueGreen` update creates `<name>-green-0`
    /// and so on, and the next one uses the first names again.
    #[serde(default = "one", deserialize_with = "lenient::integer")]
    #[schemars(with = "i32", range(min = 1, max = 100))]
    pub replicas: i64,
    /// The SeiNodes to create.
    pub template: SeiNodeTemplate,
    /// What happens to the SeiNodes when the SeiNodeDeployment is deleted. `Delete` deletes them with their
    /// data; `Retain` keeps them, and a SeiNodeDeployment of the same name adopts them again. Absent:
    /// `Retain` for validators whose keys exist only on their volumes, `Delete` for all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Creates the genesis of a new chain with the nodes of the group, which must be validators. Cannot be added or
    /// removed after creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis: Option<DeploymentGenesis>,
    /// `{}` publishes the group: a Service `<name>-external` and HTTPRoutes of the Gateway API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networking: Option<DeploymentNetworking>,
    /// How a change of the template is rolled out to the existing SeiNodes.
    #[serde(default)]
    pub update_strategy: UpdateStrategy,
}

fn one() -> i64 {
    1
}

lenient::absent_is_default!(SeiNodeDeploymentSpec);

impl SeiNodeDeploymentSpec {
    /// The number of SeiNodes. Admission bounds it; a stored value out of bounds is clamped.
    pub fn replicas(&self) -> u32 {
        u32::try_from(self.replicas.clamp(1, 100)).unwrap_or(1)
    }
}

/// What happens to the SeiNodes of a deleted SeiNodeDeployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// They are deleted with their data.
    Delete,
    /// They are kept without an owner.
    Retain,
    /// A value that this version does not know, written by a later version.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// Publication of the group. It has no fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentNetworking {}
