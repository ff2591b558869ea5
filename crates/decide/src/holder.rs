//! Uses, current or intended, of something that only one pod at a time may use, and which of two uses takes precedence.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodSpec;
use kube::Resource;
use sei_api::{SeiNode, labels, names};

use crate::exclusive::Exclusive;

/// How close a use is to a running pod. The closer, the higher its precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// A SeiNode references it.
    Named,
    /// The operator has allowed this SeiNode to start.
    Granted,
    /// A StatefulSet or Job creates pods that mount it.
    Template,
    /// A pod mounts it.
    Pod,
}

/// A current or intended use of exclusive resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Namespace of the node.
    pub namespace: String,
    /// Name of the node; its SeiNode may no longer exist.
    pub node: String,
    /// How close it is to a running pod.
    pub stage: Stage,
    /// The object, for messages: `pod v1-0`.
    pub object: String,
    /// When its SeiNode or object was created.
    pub since: Option<Timestamp>,
    /// The exclusive resources that it uses.
    pub resources: Vec<Exclusive>,
}

impl Use {
    /// The intended use of a SeiNode.
    pub fn of_node(node: &SeiNode, stage: Stage) -> Self {
        Self {
            namespace: names::namespace(node).to_owned(),
            node: names::node(node).to_owned(),
            stage,
            object: format!("SeiNode {}", names::full_name(node)),
            since: node.metadata.creation_timestamp.as_ref().map(|time| time.0),
            resources: Exclusive::of_node(node),
        }
    }

    /// The use of a labelled object, or of its future pods. `None` for objects that belong to no node.
    pub fn of_object<K: Resource<DynamicType = ()>>(
        object: &K,
        stage: Stage,
        spec: &PodSpec,
    ) -> Option<Self> {
        let metadata = object.meta();
        let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key));
        let namespace = metadata.namespace.clone()?;
        let chain = label(labels::CHAIN).map(String::as_str).unwrap_or_default();
        Some(Self {
            node: label(labels::NODE)?.clone(),
            stage,
            object: format!("{} {namespace}/{}", K::kind(&()), metadata.name.as_deref().unwrap_or_default()),
            since: metadata.creation_timestamp.as_ref().map(|time| time.0),
            resources: Exclusive::of_pod(&namespace, chain, spec),
            namespace,
        })
    }

    /// Whether `node` is the user.
    pub fn is_of(&self, node: &SeiNode) -> bool {
        self.node == names::node(node) && self.namespace == names::namespace(node)
    }

    /// Whether this use takes precedence over `other`. Two pods rank equally; of two intended uses the older one comes
    /// first.
    pub(crate) fn precedes(&self, other: &Self) -> bool {
        let rank = |it: &Self| (it.since, it.node.clone(), it.namespace.clone());
        self.stage > other.stage
            || (self.stage == other.stage && (self.stage == Stage::Pod || rank(self) < rank(other)))
    }
}
