//! Everything that a pass reads, gathered into one value in which absence is data. Nothing is decided here.

mod children;
mod claim;
mod health;
mod keys;
mod tls;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use kube::Resource;
use sei_api::{SeiNode, v1alpha1::NodePhase};
use sei_sidecar::ServerTrust;

pub(crate) use children::{
    Children, image_of, is_ready as pod_is_ready, seid_image, trouble as pod_trouble, unscheduled,
};
pub(crate) use health::{Health, Probe};
pub(crate) use keys::Keys;
pub(crate) use tls::TlsFinding;

use crate::{
    context::Context,
    neighbours::{Peers, Rival},
    references::Target,
};

/// What a look at a referenced object found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It can be used.
    Good(String),
    /// Not yet; it may become usable by itself.
    NotYet(String),
    /// It can never be used as it is.
    Bad(String),
}

/// What is remembered of a node between passes, only to save work.
#[derive(Default)]
pub(crate) struct Memory {
    /// Findings about referenced objects, with what they were made from.
    findings: HashMap<Target, (Basis, Finding)>,
    tls: Option<tls::Judged>,
    /// The trust before the current one: until the proxy has reloaded a renewed certificate it serves the old.
    pub(crate) trusts: Vec<ServerTrust>,
    pub(crate) probe: Option<Probe>,
    /// The node as our last write returned it, which the cache may not have yet.
    pub(crate) written: Option<Arc<SeiNode>>,
    pub(crate) shown: Option<Shown>,
    /// Passes that failed in a row.
    pub(crate) failures: u32,
}

/// What other nodes look at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) labels: Option<BTreeMap<String, String>>,
    pub(crate) phase: Option<NodePhase>,
    pub(crate) leaving: bool,
}

/// What a finding was made from: the count of changes of the object, and the spec that says what it must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Basis {
    changes: u64,
    generation: Option<i64>,
}

/// All that is known of a node at one moment.
pub(crate) struct Observed {
    pub(crate) node: Arc<SeiNode>,
    /// The Secret of `spec.sidecar.tls`; `None` without TLS.
    pub(crate) tls: Option<TlsFinding>,
    pub(crate) keys: Keys,
    /// The imported volume claim; `None` without an import.
    pub(crate) import: Option<Finding>,
    /// What the label sources of peers find; `None` without label sources.
    pub(crate) peers: Option<Peers>,
    /// Another SeiNode that uses what only one may use.
    pub(crate) rival: Option<Rival>,
    pub(crate) children: Children,
    /// What the sidecar's healthz says; only asked of Running nodes.
    pub(crate) health: Option<Probe>,
    pub(crate) now: Timestamp,
}

/// Reads everything a pass needs. Reads that fail become findings, not errors.
pub(crate) async fn observe(ctx: &Context, node: &Arc<SeiNode>) -> Observed {
    let now = ctx.now();
    let tls = tls::find(ctx, node, now).await;
    let keys = keys::find(ctx, node).await;
    let import = claim::find(ctx, node).await;
    let children = children::find(&ctx.cache, node);
    let health = health::find(ctx, node, &children, now).await;
    Observed {
        node: Arc::clone(node),
        tls,
        keys,
        import,
        peers: ctx.neighbours.peers(node),
        rival: ctx.neighbours.rival(node),
        children,
        health,
        now,
    }
}

/// The finding about `target`, made anew by `look` only when the object changed since. A finding that may
/// change by itself is never kept.
async fn remembered(
    ctx: &Context,
    node: &SeiNode,
    target: Target,
    look: impl Future<Output = Finding>,
) -> Finding {
    let changes = ctx.references.follow(node, &target);
    let basis = Basis { changes, generation: node.metadata.generation };
    let known = ctx.memory(node, |memory| memory.findings.get(&target).cloned());
    if let Some((_, finding)) = known.filter(|(made_from, _)| *made_from == basis && changes > 0) {
        return finding;
    }
    let finding = look.await;
    let keep = !matches!(finding, Finding::NotYet(_));
    ctx.memory(node, |memory| match keep {
        true => memory.findings.insert(target, (basis, finding.clone())),
        false => memory.findings.remove(&target),
    });
    finding
}

/// Whether `object` has `node` as its controller.
pub(crate) fn is_owned_by(object: &impl Resource, node: &SeiNode) -> bool {
    let references = object.meta().owner_references.iter().flatten();
    let mut controllers = references.filter(|owner| owner.controller == Some(true));
    controllers.any(|owner| Some(&owner.uid) == node.metadata.uid.as_ref())
}
