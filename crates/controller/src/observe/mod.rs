//! Everything that a pass reads, gathered into one value in which absence is data. Nothing is decided here.

mod children;
mod claim;
mod keys;
mod pod_refusal;
mod sidecar;
mod tls;

use std::sync::Arc;

use sei_api::SeiNode;
use sei_decide::{Finding, Observed};

use crate::{context::Context, memory::Basis, references::Target};

/// Reads everything a pass needs. Reads that fail become findings, not errors.
pub(crate) async fn observe(ctx: &Context, node: &Arc<SeiNode>) -> Observed {
    let now = ctx.now();
    let tls = tls::find(ctx, node, now).await;
    let keys = keys::find(ctx, node).await;
    let import = claim::imported(ctx, node).await;
    let claim = claim::find(ctx, node);
    let contention = ctx.exclusives.contention(&ctx.client, node).await;
    let mut children = children::find(&ctx.cache, node);
    children.pod_refusal = pod_refusal::find(ctx, node, &children, now).await;
    let sidecar = sidecar::find(ctx, node, &children, now);
    Observed {
        node: Arc::clone(node),
        tls,
        keys,
        import,
        claim,
        peers: ctx.neighbours.peers(node),
        contention,
        overridden: ctx.memory(node, |memory| {
            memory.overridden.retain(|(until, _)| now < *until);
            memory.overridden.iter().map(|(_, overridden)| overridden.clone()).collect()
        }),
        children,
        sidecar,
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
