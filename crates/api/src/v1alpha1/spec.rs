//! `SeiNode` and its spec.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{
    ArchiveSpec, ConfigRollout, DataVolume, FullNodeSpec, Mode, PeerSource, ReplayerSpec, SeiNodeStatus,
    SidecarConfig, SidecarTls, ValidatorSpec, lenient, rules, schema,
};
use crate::ports;

/// A Sei node as specified by its owner.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sei.io",
    version = "v1alpha1",
    kind = "SeiNode",
    plural = "seinodes",
    singular = "seinode",
    shortname = "snode",
    category = "sei",
    namespaced,
    status = "SeiNodeStatus",
    doc = "A Sei node: its volume, StatefulSet, Service and configuration, created by the operator and reconciled with `spec`.",
    validation = rules::name(),
    validation = rules::spec(),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(
        name = "Synced",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Synced")].status"#
    ),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Image", type_ = "string", json_path = ".status.currentImage"),
    printcolumn(
        name = "TLS",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="SidecarTLSSecretReady")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Chain", type_ = "string", json_path = ".spec.chainId", priority = 1),
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
    validation = (
        "(has(self.fullNode) ? 1 : 0) + (has(self.archive) ? 1 : 0) + (has(self.replayer) ? 1 : 0) + (has(self.validator) ? 1 : 0) == 1",
        "exactly one of fullNode, archive, replayer, or validator must be set",
    ),
    validation = (
        "!has(self.replayer) || (has(self.peers) && size(self.peers) > 0)",
        "peers is required when replayer mode is set",
    ),
    validation = (
        "(!has(oldSelf.sidecar) || !has(oldSelf.sidecar.tls)) ? (!has(self.sidecar) || !has(self.sidecar.tls)) : (has(self.sidecar) && has(self.sidecar.tls) && self.sidecar.tls == oldSelf.sidecar.tls)",
        "spec.sidecar.tls is immutable; delete + recreate the SeiNode to change TLS configuration",
    ),
    // The following is immutable. The rules are on spec because both sides of every update have it:
    // on the field itself they would not be evaluated when the field, or an object around it, is added or
    // removed.
    validation = (
        "has(self.fullNode) == has(oldSelf.fullNode) && has(self.archive) == has(oldSelf.archive) && has(self.replayer) == has(oldSelf.replayer) && has(self.validator) == has(oldSelf.validator)",
        "the mode (fullNode, archive, replayer or validator) is immutable; delete and recreate the SeiNode to change it",
    ),
    validation = (
        "(has(self.dataVolume) && has(self.dataVolume.import)) == (has(oldSelf.dataVolume) && has(oldSelf.dataVolume.import))",
        "dataVolume.import is immutable; delete and recreate the SeiNode to add or remove it",
    )
)]
pub struct SeiNodeSpec {
    /// Chain that the node belongs to; also the value of label `sei.io/chain`. Immutable.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(
        validation = rules::CHAIN_ID,
        validation = (
            "self == oldSelf",
            "chainId is immutable; delete and recreate the SeiNode to join another chain",
        )
    )]
    pub chain_id: String,
    /// seid image. Changing it replaces the pod of a Running node; changing another field does not, except
    /// as `configRollout` says.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = rules::image("image"))]
    pub image: String,
    /// Peer sources, in order. A replayer needs at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<PeerSource>>,
    /// Deprecated and ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Entrypoint>,
    /// Dotted keys of the unified Sei configuration; they take precedence over the operator's settings. On a Running
    /// node a changed value takes effect as `configRollout` says; a removed key keeps its last value, which `SpecHonored`
    /// reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<BTreeMap<String, String>>,
    /// When a change of `overrides` or `peers` is applied to a Running node. Absent: the default of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_rollout: Option<ConfigRollout>,
    /// Settings of the seictl sidecar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<SidecarConfig>,
    /// Additional labels of the pod and its related objects. Keys that begin with `sei.io/` are reserved for
    /// the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::labels")]
    #[x_kube(validation = rules::label_keys("podLabels"), validation = rules::reserved_labels())]
    pub pod_labels: Option<BTreeMap<String, String>>,
    /// `host:port` to advertise on P2P, and to peers of this cluster. Takes precedence over `status.externalAddress`; a change
    /// takes effect with the next update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 260), regex(pattern = schema::HOST_PORT))]
    pub external_address: Option<String>,
    /// Resources of seid in later versions of sei-k8s-controller. No effect: the platform's sizes apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::kept")]
    pub resources: Option<Value>,
    /// How the data volume is obtained. Absent: the operator creates the claim `data-<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_volume: Option<DataVolume>,
    /// No plan starts or continues, and drift of owned objects is not reverted. The pod keeps running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Like `paused`, and the StatefulSet is scaled to zero, so that the volume can be mounted for
    /// maintenance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<bool>,
    /// Mode: a node that follows the chain. The mode is immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_node: Option<FullNodeSpec>,
    /// Mode: a node that keeps all history. The mode is immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveSpec>,
    /// Mode: a node that replays from a snapshot. The mode is immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayer: Option<ReplayerSpec>,
    /// Mode: a node that signs blocks. The mode is immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validator: Option<ValidatorSpec>,
    /// A mode of later versions of sei-k8s-controller. Not supported: no SeiNode can be created with it, and existing ones are
    /// not reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::kept")]
    pub seed: Option<Value>,
}

lenient::absent_is_default!(SeiNodeSpec);

impl SeiNodeSpec {
    /// The mode, if the spec sets one. Admission ensures exactly one; a file may have none.
    pub fn mode(&self) -> Option<Mode> {
        if self.full_node.is_some() {
            Some(Mode::FullNode)
        } else if self.archive.is_some() {
            Some(Mode::Archive)
        } else if self.replayer.is_some() {
            Some(Mode::Replayer)
        } else if self.validator.is_some() {
            Some(Mode::Validator)
        } else {
            None
        }
    }

    /// Whether reconciliation of the node is suspended.
    pub fn is_paused(&self) -> bool {
        self.paused == Some(true) || self.is_stopped()
    }

    /// Whether the node must not have a pod.
    pub fn is_stopped(&self) -> bool {
        self.stopped == Some(true)
    }

    /// Whether the claim that is created for the node outlives it.
    pub fn retains_data(&self) -> bool {
        self.data_volume.as_ref().is_some_and(|volume| volume.retain_on_delete == Some(true))
    }

    /// Fields of later versions of sei-k8s-controller that are set and have no effect.
    pub fn later_fields(&self) -> impl Iterator<Item = &'static str> {
        let storage = self.data_volume.as_ref().and_then(|volume| volume.storage.as_ref());
        let freeze = self.full_node.as_ref().and_then(|full| full.freeze.as_ref());
        let archive = self.archive.as_ref().and_then(|archive| archive.freeze.as_ref());
        let keyring = self.validator.as_ref().and_then(|validator| validator.operator_keyring.as_ref());
        let mount = keyring.and_then(|keyring| keyring.secret.as_ref()).and_then(|secret| secret.seid_mount);
        let fields = [
            ("spec.resources", self.resources.is_some()),
            ("spec.dataVolume.storage", storage.is_some()),
            ("spec.fullNode.freeze", freeze.is_some()),
            ("spec.archive.freeze", archive.is_some()),
            ("spec.validator.operatorKeyring.secret.seidMount", mount == Some(true)),
        ];
        fields.into_iter().filter_map(|(field, is_set)| is_set.then_some(field))
    }

    /// TLS settings of the sidecar API, if set.
    pub fn tls(&self) -> Option<&SidecarTls> {
        self.sidecar.as_ref()?.tls.as_ref()
    }

    /// The sidecar's port inside the pod, or the default. Admission ensures a valid port number.
    pub fn sidecar_port(&self) -> u16 {
        let set = self.sidecar.as_ref().and_then(|sidecar| sidecar.port);
        set.and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port != 0)
            .unwrap_or(ports::SIDECAR_DEFAULT)
    }
}

impl SeiNode {
    /// `host:port` that the node advertises on P2P: from its spec, or else from the controller that exposes it.
    pub fn external_address(&self) -> Option<&str> {
        let exposed = || self.status.as_ref().and_then(|status| status.external_address.as_deref());
        let own = self.spec.external_address.as_deref();
        own.filter(|address| !address.is_empty()).or_else(exposed).filter(|address| !address.is_empty())
    }
}

/// Deprecated and ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entrypoint {
    /// Command.
    #[schemars(length(min = 1, max = 16))]
    pub command: Vec<String>,
    /// Arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub args: Option<Vec<String>>,
}
