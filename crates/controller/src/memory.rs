//! What is remembered of a node between passes, only to save work. All of it may be lost.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use jiff::Timestamp;
use sei_api::{SeiNode, SeiNodeStatus, v1alpha1::NodePhase};
use sei_decide::{Claim, Finding, Overridden, TlsFinding};
use sei_sidecar::ServerTrust;

use crate::{references::Target, sidecar::Watched, written::Writes};

/// What is remembered of a node.
#[derive(Default)]
pub(crate) struct Memory {
    /// Findings about referenced objects, with what they were made from.
    pub(crate) findings: HashMap<Target, (Basis, Finding)>,
    /// The imported claim, as it was last read.
    pub(crate) imported: Option<Claim>,
    /// UID of the claim that was marked as holding state, which the cache may not have yet.
    pub(crate) initialized: Option<String>,
    /// The last answer about a pod that was not created.
    pub(crate) refusal: Option<Refusal>,
    /// Repairs that did not last, each until it is tried again.
    pub(crate) overridden: Vec<(Timestamp, Overridden)>,
    pub(crate) tls: Option<Judged>,
    /// What the sidecar's certificate is verified against: from the last Secret that was accepted.
    pub(crate) trust: Option<ServerTrust>,
    /// The actor that speaks to the sidecar.
    pub(crate) sidecar: Option<Watched>,
    /// The node as our last write returned it, which the cache may not have yet.
    pub(crate) written: Option<Arc<SeiNode>>,
    /// The node's objects as our last writes returned them, which the caches may not have yet.
    pub(crate) writes: Writes,
    /// Progress of the plan that is not written yet.
    pub(crate) unsaved: Option<Unsaved>,
    pub(crate) shown: Option<Shown>,
    /// Observations in a row in which something could not be read.
    pub(crate) unread: u32,
    /// Passes that failed in a row.
    pub(crate) failures: u32,
}

/// A status that is not written yet.
pub(crate) struct Unsaved {
    /// When it began to differ from what is stored.
    pub(crate) since: Instant,
    /// What is stored.
    pub(crate) stored: Option<SeiNodeStatus>,
    pub(crate) status: SeiNodeStatus,
}

/// Why a pod was not created, when that was last asked.
pub(crate) struct Refusal {
    pub(crate) at: Timestamp,
    pub(crate) message: Option<String>,
}

/// What other nodes observe of this one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) labels: Option<BTreeMap<String, String>>,
    pub(crate) phase: Option<NodePhase>,
    pub(crate) leaving: bool,
    pub(crate) node_id: Option<String>,
}

/// What a finding was made from: the count of changes of the object, and the spec that says what it must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Basis {
    pub(crate) changes: u64,
    pub(crate) generation: Option<i64>,
}

/// A verdict, and the version of the Secret that it is about.
pub(crate) struct Judged {
    pub(crate) secret: String,
    pub(crate) version: Version,
    pub(crate) finding: TlsFinding,
}

/// What tells one content of a Secret from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// The cache has it at this resource version.
    At(String),
    /// Its own watch has reported this many changes.
    Changes(u64),
}
