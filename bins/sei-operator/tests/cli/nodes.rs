//! Commands about SeiNodes.

use sei_testkit::certs;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::*;

#[test]
fn render_prints_a_list_of_all_objects_that_would_be_created() {
    let list = json_of(&call(&["render", "-f", NODE, "-o", "json"], ""));
    assert_eq!((&list["apiVersion"], &list["kind"]), (&json!("v1"), &json!("List")));
    let kinds: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["PersistentVolumeClaim", "ConfigMap", "StatefulSet", "Service"]);
    let yaml = call(&["render", "-f", NODE], "");
    let yaml: Value = serde_saphyr::from_str(&String::from_utf8(yaml.stdout).unwrap()).unwrap();
    assert_eq!(yaml, list, "YAML says the same");
}

#[test]
fn plan_follows_the_status() {
    let id = "11111111-1111-4111-9111-111111111111";
    let plan = |node: &str| json_of(&call(&["plan", "-f", "-", "--plan-id", id, "-o", "json"], node));
    let types = |plan: &Value| -> Vec<String> {
        let tasks = plan["plan"]["tasks"].as_array().unwrap();
        tasks.iter().map(|task| task["type"].as_str().unwrap().to_owned()).collect()
    };
    let first = plan(&node_with(|_| {}));
    assert!(types(&first).contains(&"apply-rbac-proxy-config".to_owned()));
    assert_eq!(first["sidecarRequests"][0]["taskIndex"], 4);
    assert_eq!(first["sidecarRequests"][0]["body"]["type"], "configure-genesis");
    let running = |image: &str| {
        let image = image.to_owned();
        node_with(|node| node["status"] = json!({ "phase": "Running", "currentImage": image }))
    };
    let update = plan(&running("seid:other"));
    assert_eq!(
        types(&update),
        [
            "apply-statefulset",
            "apply-service",
            "config-apply",
            "config-validate",
            "replace-pod",
            "observe-image",
            "mark-ready"
        ]
    );
    let same = plan(&running("ghcr.io/sei-protocol/sei:v6.4.1"));
    assert_eq!(same, json!({ "plan": null, "sidecarRequests": [] }));
    let table = call(&["plan", "-f", NODE], "");
    assert!(String::from_utf8(table.stdout).unwrap().contains("apply-rbac-proxy-config"));
}

#[test]
fn check_secret_reports_the_verdict_in_its_exit_code() {
    let names = ["rpc-0.pacific-1.svc.cluster.local", "rpc-0-0.rpc-0.pacific-1.svc.cluster.local"];
    let text = std::fs::read_to_string(root().join(NODE)).unwrap();
    let node: Value = serde_saphyr::from_str(&text).unwrap();
    let secret_name = node["spec"]["sidecar"]["tls"]["secretName"].as_str().unwrap();
    let file = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let pair = certs::self_signed(&names).unwrap();
        let secret = builders::tls_secret("pacific-1", secret_name, &pair, "").unwrap();
        let mut secret = serde_json::to_value(secret).unwrap();
        secret["apiVersion"] = "v1".into();
        secret["kind"] = "Secret".into();
        let mut file = NamedTempFile::new().unwrap();
        write!(file, "{secret}").unwrap();
        file
    };
    let check = |file: &NamedTempFile, more: &[&str]| {
        let path = file.path().display().to_string();
        let arguments = [&["check-secret", "-f", NODE, "--secret", &path, "-o", "json"], more].concat();
        let output = call(&arguments, "");
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), verdict["status"].clone(), verdict["reason"].clone())
    };
    let good = file(&names);
    assert_eq!(check(&good, &[]), (0, json!("True"), json!("TLSSecretReady")));
    assert_eq!(check(&good, &["--at", "2050-01-01T00:00:00Z"]).2, "TLSSecretExpired");
    assert_eq!(check(&file(&names[..1]), &[]), (1, json!("False"), json!("TLSSecretSANsMismatch")));
    // The names are in the domain of the cluster, for which no other setting is needed.
    let elsewhere = |domain: &str| {
        let path = good.path().display().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sei-operator"));
        command
            .current_dir(root())
            .env_clear()
            .args(["check-secret", "-f", NODE, "--secret", &path])
            .env("SEI_CLUSTER_DOMAIN", domain);
        command.output().unwrap()
    };
    let output = elsewhere("k8s.example");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("missing rpc-0.pacific-1.svc.k8s.example"), "{said}");
    let output = elsewhere("k8s.example.");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("SEI_CLUSTER_DOMAIN is \"k8s.example.\""));
}
