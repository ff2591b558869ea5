//! Time of the pure functions of a pass: the verdict on a Secret, the objects of a node, and the decision. Run with
//! `cargo bench -p sei-bench`.

use std::{hint::black_box, sync::Arc};

use anyhow::Context;
use criterion::Criterion;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use sei_api::{SeiNode, conditions::TlsSecretReason, v1alpha1::NodePhase};
use sei_decide::{
    Answer, Children, Claim, Health, Keys, Observed, Pass, Repaired, Request, Requeue, Sidecar, TlsFinding,
    contention::Contention,
};
use sei_node::Node;
use sei_plan::Outcome;
use sei_render::{Platform, Rendered};
use sei_testkit::{builders, certs::Authority};
use sei_tls::{SecretData, judge};
use serde_json::json;

const IMAGE: &str = "ghcr.io/sei-protocol/sei:v6.4.1";
const NAMESPACE: &str = "pacific-1";
const NAME: &str = "node-0";
/// ID of each new plan.
const PLAN: &str = "5d1c2a3e-7b84-4c0f-9a61-2f8e0d4b6c91";
/// More passes than any plan of these nodes takes.
const PASSES: usize = 50;

fn main() -> anyhow::Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    verdict(&mut criterion)?;
    for (kind, spec) in
        [("plain", builders::full_node(IMAGE)), ("TLS", builders::tls_full_node(IMAGE, "node-0-tls"))]
    {
        let mut node = builders::node(NAMESPACE, NAME, spec)?;
        node.metadata.uid = Some("u".to_owned());
        node.metadata.generation = Some(1);
        node.metadata.resource_version = Some("1".to_owned());
        passes(&mut criterion, kind, node)?;
    }
    criterion.final_summary();
    Ok(())
}

fn verdict(criterion: &mut Criterion) -> anyhow::Result<()> {
    let names = [format!("{NAME}.{NAMESPACE}.svc.cluster.local")];
    let authority = Authority::new("issuer")?;
    let (pair, ca) = (authority.issue(&names)?, authority.pem());
    let secret = SecretData {
        type_: Some("kubernetes.io/tls"),
        crt: Some(pair.crt.as_bytes()),
        key: Some(pair.key.as_bytes()),
        ca: Some(ca.as_bytes()),
    };
    let now = Timestamp::now();
    let others = ["node-1.pacific-1.svc.cluster.local".to_owned()];
    judge(&secret, &names, now).context("the Secret is valid")?;
    criterion.bench_function("verdict on a valid Secret", |bench| {
        bench.iter(|| judge(black_box(&secret), &names, now).is_ok());
    });
    criterion.bench_function("verdict on a Secret with other names", |bench| {
        bench.iter(|| judge(black_box(&secret), &others, now).is_ok());
    });
    Ok(())
}

fn passes(criterion: &mut Criterion, kind: &str, node: SeiNode) -> anyhow::Result<()> {
    let settings = builders::platform().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let platform = Platform::from_settings(&settings.collect())?;
    criterion.bench_function(&format!("objects of a {kind} node"), |bench| {
        bench.iter(|| Rendered::of(Node::of(black_box(&node)), &platform).is_ok());
    });
    let new = observed(node, &platform)?;
    criterion.bench_function(&format!("pass over a new {kind} node"), |bench| {
        bench.iter(|| Pass::begin(black_box(&new), &platform, PLAN).end());
    });
    let resting = run(new, &platform)?;
    criterion.bench_function(&format!("pass over a running {kind} node"), |bench| {
        bench.iter(|| Pass::begin(black_box(&resting), &platform, PLAN).end());
    });
    Ok(())
}

/// The node with all its objects, and a sidecar that responds.
fn observed(node: SeiNode, platform: &Platform) -> anyhow::Result<Observed> {
    let now = Timestamp::now();
    let rendered = Rendered::of(Node::of(&node), platform)?;
    let mut claim = rendered.data_claim.context("the node has a claim")?;
    claim.metadata.uid = Some("claim".to_owned());
    let pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": "node-0-0", "namespace": NAMESPACE, "uid": "pod" },
        "spec": { "containers": [{ "name": "seid", "image": IMAGE }] },
        "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
    }))?;
    Ok(Observed {
        tls: node.spec.tls().map(|_| TlsFinding {
            reason: TlsSecretReason::Ready,
            message: "Secret node-0-tls is valid".to_owned(),
            certificate: None,
            not_after: None,
            changes_at: None,
        }),
        keys: Keys::default(),
        import: None,
        claim: Some(Claim::of(&claim, &node)),
        peers: None,
        sidecar_turn: None,
        contention: Contention::default(),
        children: Children {
            stateful_set: Some(Arc::new(rendered.stateful_set)),
            service: Some(Arc::new(rendered.service)),
            config_map: rendered.rbac_proxy_config.map(Arc::new),
            pod: Some(Arc::new(pod)),
            ..Children::default()
        },
        overridden: Vec::new(),
        in_sync: Vec::new(),
        tasks: Some(Vec::new()),
        sidecar: Sidecar {
            pod: Some("pod".to_owned()),
            health: Some(Answer { at: now, value: Health::Ready }),
            ..Sidecar::default()
        },
        read_again_at: None,
        node: Arc::new(node),
        now,
    })
}

/// The same node after every task of its plans has succeeded.
fn run(mut observed: Observed, platform: &Platform) -> anyhow::Result<Observed> {
    for _ in 0..PASSES {
        let mut pass = Pass::begin(&observed, platform, PLAN);
        loop {
            match pass.next_request() {
                Request::Repair(_) => pass.repaired(Repaired::Done),
                Request::Step { .. } => pass.stepped(Outcome::Done, observed.now, 0.0),
                Request::WriteStatus => break,
            }
        }
        let in_sync = pass.in_sync();
        let (status, then) = pass.end();
        observed.in_sync = in_sync;
        let is_running = status.phase == Some(NodePhase::Running);
        observed.node = Arc::new(SeiNode { status: Some(status), ..SeiNode::clone(&observed.node) });
        if is_running && matches!(then, Requeue::After(_)) {
            return Ok(observed);
        }
    }
    anyhow::bail!("the node is not Running after {PASSES} passes")
}
