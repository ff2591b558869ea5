//! From an alert to a repaired TLS Secret, with only the commands of the documentation.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures::future::join_all;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use sei_api::conditions::ConditionType;
use sei_testkit::{
    builders,
    certs::{Authority, Pair},
    cluster::{Cluster, NAMESPACE},
    docs,
};
use serde_json::{Value, json};

use crate::{
    harness::{self, api, binary, create, names, runs, until},
    process,
};

const IMAGE: &str = "ghcr.io/sei-protocol/sei:a";
const FLEET: usize = 6;
const NODE: &str = "rpc-3";
const PORT: u16 = 18_261;

/// Creates a faulty Secret; `None` if it does not exist.
type Fault = fn(&Authority) -> Option<Secret>;

/// Faults, the reason that the operator reports, and the alert that fires.
const FAULTS: [(Fault, &str, &str); 5] = [
    (with_other_names, "TLSSecretSANsMismatch", "SeiNodeTLSSecretNotReady"),
    (expired, "TLSSecretExpired", "SeiNodeCertificateExpired"),
    (with_the_key_of_another, "TLSSecretMalformed", "SeiNodeTLSSecretNotReady"),
    (of_another_type_without_a_key, "TLSSecretMalformed", "SeiNodeTLSSecretNotReady"),
    (|_| None, "TLSSecretNotFound", "SeiNodeTLSSecretNotReady"),
];

fn with_other_names(authority: &Authority) -> Option<Secret> {
    Some(secret(NODE, authority, &pair(authority, &["other.example".to_owned()])))
}

fn expired(authority: &Authority) -> Option<Secret> {
    let hours = |count: u64| SystemTime::now() - Duration::from_secs(count * 3600);
    let pair = authority.issue_for(&names(NODE), hours(48), hours(24)).unwrap();
    Some(secret(NODE, authority, &pair))
}

fn with_the_key_of_another(authority: &Authority) -> Option<Secret> {
    let crt = pair(authority, &names(NODE)).crt;
    Some(secret(NODE, authority, &Pair { crt, ..pair(authority, &names(NODE)) }))
}

fn of_another_type_without_a_key(authority: &Authority) -> Option<Secret> {
    let crt = pair(authority, &names(NODE)).crt;
    let secret =
        json!({ "metadata": { "name": "rpc-3-tls" }, "type": "Opaque", "stringData": { "tls.crt": crt } });
    Some(serde_json::from_value(secret).unwrap())
}

/// A certificate that is valid for long enough for no alert.
fn pair(authority: &Authority, names: &[String]) -> Pair {
    let days = |count: u64| Duration::from_secs(count * 86_400);
    authority.issue_for(names, SystemTime::now() - days(1), SystemTime::now() + days(90)).unwrap()
}

fn secret(node: &str, authority: &Authority, pair: &Pair) -> Secret {
    builders::tls_secret(NAMESPACE, &format!("{node}-tls"), pair, &authority.pem()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_secret_is_found_from_its_alert_and_repaired_with_the_commands_of_the_docs() {
    let cluster = harness::cluster().await;
    let _operator = process::replica(&cluster, PORT);
    let secrets: Api<Secret> = api(&cluster);
    let authority = Authority::new("issuer").unwrap();
    let fleet: Vec<_> = (0..FLEET).map(|index| format!("rpc-{index}")).collect();
    join_all(fleet.iter().map(async |name| {
        let secret = secret(name, &authority, &pair(&authority, &names(name)));
        secrets.create(&PostParams::default(), &secret).await.unwrap();
        create(&cluster, name, builders::tls_full_node(IMAGE, &format!("{name}-tls"))).await;
        until(&cluster, name, "is Ready", runs(IMAGE)).await;
    }))
    .await;

    for (fault, reason, alert) in FAULTS {
        replace(&cluster, fault(&authority)).await;
        let broken = format!("False/{reason}");
        until(&cluster, NODE, &broken, |node| verdict(node).as_deref() == Some(&broken)).await;
        let expected = BTreeSet::from([format!("{alert} {NODE}")]);
        until_firing(&cluster, &expected).await;

        let status = run(&cluster, "troubleshooting", "repair-status");
        let screen = String::from_utf8_lossy(&status.stdout).into_owned();
        assert_eq!(status.status.code(), Some(3), "{screen}");
        assert!(screen.contains(reason) && screen.contains("next: repair Secret"), "{screen}");
        for (page, block) in [
            ("troubleshooting", "repair-issuer"),
            ("tls-procedures", "renew-by-hand"),
            ("troubleshooting", "repair-wait"),
        ] {
            let output = run(&cluster, page, block);
            assert!(output.status.success(), "{reason}: {block}: {output:?}");
        }
        until_firing(&cluster, &BTreeSet::new()).await;
    }
}

fn verdict(node: &sei_api::SeiNode) -> Option<String> {
    harness::condition(node, ConditionType::SidecarTlsSecretReady)
}

async fn replace(cluster: &Cluster, secret: Option<Secret>) {
    let secrets: Api<Secret> = api(cluster);
    secrets.delete("rpc-3-tls", &DeleteParams::default()).await.unwrap();
    if let Some(secret) = secret {
        secrets.create(&PostParams::default(), &secret).await.unwrap();
    }
}

/// Runs a block of the documentation.
fn run(cluster: &Cluster, page: &str, block: &str) -> Output {
    let kubectl = cluster.plane.kubectl();
    let folders = [binary().parent().unwrap().to_owned(), kubectl.parent().unwrap().to_owned()];
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path))).unwrap();
    Command::new("sh")
        .args(["-eu", "-c", &docs::block(page, block).unwrap()])
        .envs([("NAMESPACE", NAMESPACE), ("NODE", NODE)])
        .env("KUBECONFIG", cluster.plane.kubeconfig())
        .env("PATH", path)
        .current_dir(cluster.plane.folder())
        .output()
        .unwrap()
}

/// Waits until exactly these alerts fire: metrics follow the status.
async fn until_firing(cluster: &Cluster, expected: &BTreeSet<String>) {
    let began = Instant::now();
    while let Err(difference) = firing(cluster, expected).await {
        assert!(began.elapsed() < harness::PATIENCE, "{difference}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Whether exactly these alerts fire, as `NAME NODE`, once the operator's metrics have had their current values for 20
/// minutes. Evaluated by promtool, whose clock starts at 0: times are relative to now.
async fn firing(cluster: &Cluster, expected: &BTreeSet<String>) -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let exposition = process::get(PORT + 1, "/metrics").await;
    let samples = exposition.lines().filter(|line| line.starts_with("sei_controller_seinode_"));
    let series = samples.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let value: f64 = value.parse().ok()?;
        let name = series.split('{').next()?;
        let value = if name.ends_with("_timestamp_seconds") { value - now } else { value };
        Some(json!({ "series": series, "values": format!("{value:.0}x30") }))
    });
    let samples = expected.iter().map(|alert| {
        let (alert, node) = alert.split_once(' ').unwrap();
        let labels = format!("{{alertname=\"{alert}\", namespace=\"{NAMESPACE}\", name=\"{node}\"}}");
        json!({ "labels": labels, "value": 1 })
    });
    // Except those of the chain, whose values do change, nor SeiNodeNotReady, which follows from the Secret.
    let alerts = "SeiNodeTLS.+|SeiNodeCertificate.+|SeiNodePending|SeiNodeStalled";
    let query = format!(
        "max by (alertname, namespace, name) (ALERTS{{alertstate=\"firing\", alertname=~\"{alerts}\"}})"
    );
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/alerts/rules.yaml");
    let test = json!({
        "rule_files": [rules],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": series.collect::<Vec<Value>>(),
            "promql_expr_test": [{ "expr": query, "eval_time": "20m", "exp_samples": samples.collect::<Vec<Value>>() }],
        }],
    });
    let file = cluster.plane.folder().join("alerts.json");
    std::fs::write(&file, test.to_string()).unwrap();
    let promtool = std::env::var_os("PROMTOOL").expect("PROMTOOL is not set: see CONTRIBUTING.md");
    let output = Command::new(promtool).args(["test", "rules"]).arg(&file).output().unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()),
    }
}
