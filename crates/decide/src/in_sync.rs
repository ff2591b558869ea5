//! Objects that were already compared. Rendering and comparing an object costs more than everything else in a pass, so
//! it is repeated only when the object or the spec has changed.

use kube::Resource;
use sei_api::SeiNode;
use sei_plan::TaskKind;

/// A version of an object in which a pass found no drift from a generation of its SeiNode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InSync {
    /// The kind of task that writes it: the Services of the bootstrap and of the node have the same name.
    by: TaskKind,
    generation: i64,
    uid: String,
    version: String,
}

impl InSync {
    /// `live` as compared with what tasks of kind `by` write for `node`.
    pub(crate) fn of(live: &impl Resource, by: TaskKind, node: &SeiNode) -> Option<Self> {
        let metadata = live.meta();
        Some(Self {
            by,
            generation: node.metadata.generation?,
            uid: metadata.uid.clone()?,
            version: metadata.resource_version.clone()?,
        })
    }
}
