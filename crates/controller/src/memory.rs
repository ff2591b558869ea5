//! State of a node between passes. It only saves work, and may be lost.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use jiff::Timestamp;
use sei_api::{SeiNode, SeiNodeStatus, v1alpha1::NodePhase};
use sei_decide::{Claim, Finding, InSync, Overridden, TlsFinding};
use sei_sidecar::ServerTrust;

use crate::{references::Target, sidecar::Watched, written::Writes};

/// State of a node between passes.
#[derive(Default)]
pub(crate) struct Memory {
    /// Findings about referenced objects, with what they are based on.
    pub(crate) findings: HashMap<Target, (FindingBasis, Finding)>,
    /// The imported claim, as last read.
    pub(crate) imported: Option<Claim>,
    /// UID of the claim that was marked as initialized, which may not be in the cache yet.
    pub(crate) initialized: Option<String>,
    /// The last known reason why a pod was not created.
    pub(crate) refusal: Option<Refusal>,
    /// Repairs that did not last, each until it is retried.
    pub(crate) overridden: Vec<(Timestamp, Overridden)>,
    /// Objects in which the last pass found no drift.
    pub(crate) in_sync: Vec<InSync>,
    pub(crate) tls: Option<CachedVerdict>,
    /// What the sidecar's certificate is verified against: from the last accepted Secret.
    pub(crate) trust: Option<ServerTrust>,
    /// The actor of the sidecar.
    pub(crate) sidecar: Option<Watched>,
    /// The ID of the last plan that this process made for the node.
    pub(crate) plan_made: Option<String>,
    /// The node as returned by the operator's last write, which may not be in the cache yet.
    pub(crate) written: Option<Arc<SeiNode>>,
    /// The node's objects as returned by the operator's last writes, which may not be in the caches yet.
    pub(crate) writes: Writes,
    /// Progress of the plan that is not stored yet.
    pub(crate) unsaved: Option<Unsaved>,
    pub(crate) published: Option<Published>,
    /// Number of observations in a row with failed reads.
    pub(crate) unread: u32,
}

/// A status that is not stored yet.
pub(crate) struct Unsaved {
    /// When it must be written.
    pub(crate) due: Instant,
    /// The node as stored.
    pub(crate) stored: Arc<SeiNode>,
    pub(crate) status: SeiNodeStatus,
}

/// Why a pod was not created, and when that was checked.
pub(crate) struct Refusal {
    pub(crate) at: Timestamp,
    pub(crate) message: Option<String>,
}

/// The parts of this node that other nodes observe.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Published {
    pub(crate) labels: Option<BTreeMap<String, String>>,
    pub(crate) phase: Option<NodePhase>,
    pub(crate) leaving: bool,
    pub(crate) node_id: Option<String>,
    /// Whether its sidecar is up to date, whether an update replaces it, and whether the node is available.
    pub(crate) rollout: Option<(bool, bool, bool)>,
}

/// What a finding is based on: the number of changes of the object, and the part of the spec that it is
/// checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FindingBasis {
    pub(crate) changes: u64,
    pub(crate) generation: Option<i64>,
}

/// A verdict, and the version of the Secret that it is for.
pub(crate) struct CachedVerdict {
    pub(crate) secret: String,
    pub(crate) version: Version,
    pub(crate) finding: TlsFinding,
}

/// Identifies the content of a Secret without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// The cache has it at this resource version.
    At(String),
    /// A watch of the single Secret has reported this many changes.
    Changes(u64),
}
