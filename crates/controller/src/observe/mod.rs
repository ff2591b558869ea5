//! Reads everything that a pass needs into one value in which a missing object is data. Nothing is decided
//! here.

mod children;
mod claim;
mod keys;
mod pod_refusal;
mod sidecar;
mod tls;

use std::{mem, sync::Arc, time::Duration};

use sei_api::{SeiNode, conditions::TlsSecretReason};
use sei_decide::{Finding, Observed};

use crate::{context::Context, memory::FindingBasis, references::Target};

/// Reads everything that a pass needs. Failed reads become findings, not errors.
pub(crate) async fn observe(ctx: &Context, node: &Arc<SeiNode>) -> Observed {
    let now = ctx.now();
    let tls = tls::find(ctx, node, now).await;
    let keys = keys::find(ctx, node).await;
    let import = claim::imported(ctx, node).await;
    let claim = claim::find(ctx, node);
    let contention = ctx.exclusives.contention(&ctx.client, node).await;
    let mut children = children::find(ctx, node);
    children.pod_refusal = pod_refusal::find(ctx, node, &children, now).await;
    let sidecar = sidecar::find(ctx, node, &children, now);
    let findings = [&keys.signing, &keys.node, &keys.keyring, &import];
    let is_unread = findings.into_iter().flatten().any(|finding| matches!(finding, Finding::Unread(_)))
        || tls.as_ref().is_some_and(|tls| tls.reason == TlsSecretReason::Unavailable);
    let read_again_at = ctx
        .memory(node, |memory| {
            memory.unread = if is_unread { memory.unread.saturating_add(1) } else { 0 };
            reread_delay(memory.unread, ctx.jitter())
        })
        .map(|delay| now + delay);
    Observed {
        node: Arc::clone(node),
        tls,
        keys,
        import,
        claim,
        peers: ctx.neighbours.peers(node, &ctx.platform),
        sidecar_turn: ctx.neighbours.turn(node, &ctx.platform),
        contention,
        overridden: ctx.memory(node, |memory| {
            memory.overridden.retain(|(until, _)| now < *until);
            memory.overridden.iter().map(|(_, overridden)| overridden.clone()).collect()
        }),
        in_sync: ctx.memory(node, |memory| mem::take(&mut memory.in_sync)),
        tasks: ctx.node_tasks.of(node),
        children,
        sidecar,
        read_again_at,
        now,
    }
}

/// Delay before failed reads are retried, after this many consecutive failures: 1 s, doubling up to 5 min.
fn reread_delay(failures: u32, jitter: f64) -> Option<Duration> {
    let doublings = failures.checked_sub(1)?.min(16);
    let delay = Duration::from_secs(1 << doublings).min(Duration::from_secs(300));
    Some(delay.mul_f64(1.0 + 0.25 * jitter))
}

/// The finding about `target`, recomputed by `look` only if the object has changed. A finding that may change while the
/// object does not is never cached.
async fn remembered(
    ctx: &Context,
    node: &SeiNode,
    target: Target,
    look: impl Future<Output = Finding>,
) -> Finding {
    let changes = ctx.references.follow(node, &target);
    let basis = FindingBasis { changes, generation: node.metadata.generation };
    let known = ctx.memory(node, |memory| memory.findings.get(&target).cloned());
    if let Some((_, finding)) = known.filter(|(made_from, _)| *made_from == basis && changes > 0) {
        return finding;
    }
    let finding = look.await;
    let keep = matches!(finding, Finding::Good(_) | Finding::Bad(_));
    ctx.memory(node, |memory| match keep {
        true => memory.findings.insert(target, (basis, finding.clone())),
        false => memory.findings.remove(&target),
    });
    finding
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use serde_json::{Value, json};

    use super::*;
    use crate::testbed;

    /// The delays, in whole seconds, after two observations with a failed read and one without.
    async fn repeated_after(parts: Value) -> [Option<i64>; 3] {
        let is_readable = Arc::new(AtomicBool::new(false));
        let readable = Arc::clone(&is_readable);
        let client = testbed::client(move |_| match readable.load(Ordering::Acquire) {
            true => (200, json!({ "metadata": { "name": "s", "namespace": "sei" } })),
            false => testbed::failure(503),
        });
        let (ctx, _writers) = testbed::context(&client, &[]);
        let node = testbed::node("u", parts);
        let seconds = async || {
            let observed = observe(&ctx, &node).await;
            Some(observed.read_again_at?.duration_since(observed.now).as_secs())
        };
        let failed = [seconds().await, seconds().await];
        is_readable.store(true, Ordering::Release);
        [failed[0], failed[1], seconds().await]
    }

    #[tokio::test]
    async fn an_observation_with_a_failed_read_is_repeated_soon() {
        let secret = json!({ "secret": { "secretName": "s" } });
        for parts in [
            json!({ "fullNode": {}, "sidecar": { "tls": { "secretName": "s" } } }),
            json!({ "fullNode": {}, "dataVolume": { "import": { "pvcName": "s" } } }),
            json!({ "validator": { "signingKey": secret } }),
            json!({ "validator": { "nodeKey": secret } }),
        ] {
            assert_eq!(repeated_after(parts.clone()).await, [Some(1), Some(2), None], "{parts}");
        }
    }

    #[test]
    fn a_failed_read_is_retried_after_a_second_and_then_with_backoff() {
        let row = (0..12).map(|failures| reread_delay(failures, 0.0).map(|delay| delay.as_secs()));
        let seconds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map(Some);
        assert_eq!(row.collect::<Vec<_>>(), [&[None], &seconds[..]].concat());
    }
}
