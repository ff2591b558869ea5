//! The program as used in a pipeline: its output, its exit codes, and one line for invalid input.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use sei_testkit::{builders, certs};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

const NODE: &str = "tests/conformance/full-tls/seinode.yaml";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn call(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sei-operator"))
        .args(arguments)
        .current_dir(root())
        .env_clear()
        .envs(builders::platform())
        .envs([
            ("SEI_GATEWAY_NAME", "public"),
            ("SEI_GATEWAY_NAMESPACE", "gateway"),
            ("SEI_GATEWAY_DOMAIN", "sei.example"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may exit before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn node_with(change: impl FnOnce(&mut Value)) -> String {
    let text = std::fs::read_to_string(root().join(NODE)).unwrap();
    let mut node: Value = serde_saphyr::from_str(&text).unwrap();
    change(&mut node);
    node.to_string()
}

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

/// A group of three full nodes behind a Gateway.
fn group_with(change: impl FnOnce(&mut Value)) -> Value {
    let mut group = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment",
        "metadata": { "name": "rpc", "namespace": "pacific-1" },
        "spec": {
            "replicas": 3, "networking": {},
            "template": { "spec": {
                "chainId": "pacific-1", "image": "seid:a", "fullNode": {},
                "sidecar": { "tls": { "secretName": "$(name)-tls" } },
            } },
        },
    });
    change(&mut group);
    group
}

fn names_of(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| format!("{} {}", item["kind"], item["metadata"]["name"]).replace('"', "")).collect()
}

#[test]
fn render_prints_the_nodes_of_a_group_and_the_objects_beside_them() {
    let group = group_with(|_| {});
    let list = json_of(&call(&["render", "-f", "-", "-o", "json"], &group.to_string()));
    let expected = [
        "SeiNode rpc-0",
        "SeiNode rpc-1",
        "SeiNode rpc-2",
        "Service rpc-internal",
        "PodDisruptionBudget rpc",
        "Service rpc-external",
        "HTTPRoute rpc-evm",
        "HTTPRoute rpc-rpc",
        "HTTPRoute rpc-rest",
        "HTTPRoute rpc-grpc",
    ];
    assert_eq!(names_of(&list), expected);
    assert!(list["items"].as_array().unwrap().iter().all(|item| item["apiVersion"].is_string()), "{list}");
    assert_eq!(list["items"][1]["spec"]["sidecar"]["tls"]["secretName"], "rpc-1-tls");
    assert_eq!(list["items"][1]["metadata"]["ownerReferences"], Value::Null, "the group has no uid yet");
    // The list can be rendered again, to the objects of the nodes.
    let pods = json_of(&call(&["render", "-f", "-", "-o", "json"], &list.to_string()));
    assert_eq!(names_of(&pods).iter().filter(|name| name.starts_with("StatefulSet")).count(), 3);
}

#[test]
fn plan_says_what_happens_next_to_a_group() {
    let plan = |objects: &[Value]| {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        json_of(&call(&["plan", "-f", "-", "-o", "json"], &list.to_string()))
    };
    let group = group_with(|group| {
        group["metadata"]["uid"] = "g".into();
        group["spec"]["replicas"] = 2.into();
    });
    let first = plan(std::slice::from_ref(&group));
    let creates =
        |name: &str| first["steps"].as_array().unwrap().contains(&json!(format!("creates SeiNode {name}")));
    assert!(creates("rpc-0") && creates("rpc-1"), "{first}");

    let list = json_of(&call(&["render", "-f", "-", "-o", "json"], &group.to_string()));
    let mut existing = list["items"].as_array().unwrap().clone();
    for node in &mut existing[..2] {
        node["status"] = json!({ "phase": "Running", "currentImage": "seid:a", "conditions": [{
            "type": "Ready", "status": "True", "reason": "NodeReady", "message": "", "lastTransitionTime": "2027-01-01T00:00:00Z",
        }] });
    }
    existing.push(group);
    assert_eq!(plan(&existing)["steps"], json!([]));
    let last = existing.last_mut().unwrap();
    last["spec"]["template"]["spec"]["image"] = "seid:b".into();
    let next = plan(&existing);
    let steps: Vec<_> = next["steps"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert!(steps[0].starts_with("updates SeiNode rpc-1 (/image"), "{steps:?}");
    assert_eq!(next["nodes"][0]["reason"], "UpdatePending");
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": existing });
    let table = String::from_utf8(call(&["plan", "-f", "-"], &list.to_string()).stdout).unwrap();
    assert!(table.contains("updates SeiNode rpc-1") && table.contains("rpc-0: UpdatePending:"), "{table}");
}

#[test]
fn plan_shows_the_genesis_ceremony_of_a_group_as_it_is_stored() {
    let id = "11111111-1111-4111-9111-111111111111";
    let mut group = group_with(|group| {
        group["spec"]["replicas"] = 2.into();
        group["spec"]["networking"].take();
        group["spec"]["genesis"] = json!({ "chainId": "devnet-1" });
        group["spec"]["template"]["spec"] =
            json!({ "chainId": "devnet-1", "image": "seid:a", "validator": {} });
    });
    let print = |group: &Value, more: &[&str]| {
        call(&[&["plan", "-f", "-", "--plan-id", id], more].concat(), &group.to_string())
    };
    let next = json_of(&print(&group, &["-o", "json"]));
    let plan = &next["plan"];
    assert_eq!(
        (&plan["id"], &plan["phase"], &plan["createdAt"]),
        (&json!(id), &json!("Active"), &Value::Null)
    );
    assert_eq!(plan["tasks"][0]["type"], "assemble-and-upload-genesis");
    assert_eq!(plan["tasks"][0]["params"]["Nodes"], json!([{ "name": "rpc-0" }, { "name": "rpc-1" }]));
    let creates = |next: &Value| next["steps"].to_string().contains("creates SeiNode");
    assert!(!creates(&next), "the plan is stored first: {next}");
    let table = String::from_utf8(print(&group, &[]).stdout).unwrap();
    assert!(
        table.contains(&format!("plan {id}\n")) && table.contains("assemble-and-upload-genesis"),
        "{table}"
    );

    group["metadata"]["uid"] = id.into();
    group["status"] = json!({ "plan": plan });
    let next = json_of(&print(&group, &["-o", "json"]));
    assert!(creates(&next), "{next}");
    assert_eq!(next["plan"], group["status"]["plan"]);
}

#[test]
fn an_invalid_group_is_refused_with_its_field() {
    type Change = fn(&mut Value);
    let cases: &[(&str, Change)] = &[
        ("spec.replicas", |group| group["spec"]["replicas"] = 101.into()),
        ("exactly one of fullNode, archive", |group| {
            group["spec"]["template"]["spec"]["archive"] = json!({});
        }),
        ("must contain $(name)", |group| {
            group["spec"]["template"]["spec"]["dataVolume"] = json!({ "import": { "pvcName": "data" } });
        }),
        ("spec.template: ", |group| {
            group["spec"]["template"]["spec"]["overrides"] = json!({ "no.such.key": "1" })
        }),
    ];
    for (part, change) in cases {
        for command in ["render", "plan"] {
            let output = call(&[command, "-f", "-"], &group_with(change).to_string());
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{part}: {said}");
            assert!(said.contains(part) && said.lines().count() == 1, "{part}: {said}");
        }
    }
}

#[test]
fn invalid_input_is_reported_in_one_line_that_names_the_field() {
    type Change = fn(&mut Value);
    let cases: &[(&str, Change)] = &[
        ("spec.imagge: unknown field", |node| node["spec"]["imagge"] = "x".into()),
        ("spec.image: required", |node| drop(node["spec"].as_object_mut().unwrap().remove("image"))),
        ("spec.chainId: chainId must consist of", |node| node["spec"]["chainId"] = "a b".into()),
        ("exactly one of fullNode, archive", |node| node["spec"]["archive"] = json!({})),
        ("spec.sidecar.port", |node| node["spec"]["sidecar"]["port"] = 70000.into()),
        ("no.such.key", |node| node["spec"]["overrides"] = json!({ "no.such.key": "1" })),
        ("metadata.name: true is not of type \"string\": write it in quotes", |node| {
            node["metadata"]["name"] = true.into();
        }),
        ("metadata.name: 42 is not of type \"string\"", |node| node["metadata"]["name"] = 42.into()),
        ("metadata.name: required", |node| drop(node["metadata"].as_object_mut().unwrap().remove("name"))),
        ("metadata.labels.shard: 3 is not of type \"string\"", |node| {
            node["metadata"]["labels"] = json!({ "shard": 3 });
        }),
        ("metadata.lables: unknown field", |node| node["metadata"]["lables"] = json!({ "a": "b" })),
        ("metadata.ownerReferences[0].nme: unknown field", |node| {
            node["metadata"]["ownerReferences"] =
                json!([{ "apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b", "nme": "c" }]);
        }),
        ("spec.image: image must be an image reference", |node| node["spec"]["image"] = "a:v1\n".into()),
        ("spec.peers[0].static.addresses[0]", |node| {
            node["spec"]["peers"] = json!([{ "static": { "addresses": ["10.0.0.1:26656"] } }]);
        }),
        ("must be sei.io/v1alpha1 SeiNode or SeiNodeDeployment, not sei.io/v1alpha1 Pod", |node| {
            node["kind"] = "Pod".into()
        }),
    ];
    for (part, change) in cases {
        let output = call(&["plan", "-f", "-"], &node_with(change));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{part}: {said}");
        assert!(said.contains(part), "{part}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(output.stdout.is_empty(), "{part}");
    }
    for (part, input) in [
        ("is not YAML", "a: b: c"),
        ("a YAML mapping", "- a"),
        ("a YAML mapping", ""),
        ("a YAML mapping", "---\n# nothing\n---\n"),
    ] {
        let output = call(&["plan", "-f", "-"], input);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part), "{part}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert_eq!(call(&["plan", "-f", "/no/such/file"], "").status.code(), Some(2));
}

#[test]
fn files_are_read_as_kubectl_reads_them() {
    let text = std::fs::read_to_string(root().join(NODE)).unwrap();
    let plan = |input: &str| call(&["plan", "-f", "-"], input);
    let said = |output: Output| String::from_utf8(output.stderr).unwrap();
    let with_empty_documents = format!("---\n# comment\n---\n{text}\n---\n");
    assert!(plan(&with_empty_documents).status.success());
    let beside_another = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a }}\n---\n{text}");
    assert!(plan(&beside_another).status.success());
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [serde_json::from_str::<Value>(&node_with(|_| {})).unwrap()] });
    assert!(plan(&list.to_string()).status.success());
    assert!(said(plan(&format!("{text}\n---\n{text}"))).contains("there are 2 objects of kind SeiNode"));
    let twice = said(plan("kind: SeiNode\nkind: SeiNode\n"));
    assert!(twice.contains("kind") && !twice.contains("Policy") && !twice.contains("Options"), "{twice}");

    let other = text.replace("name: rpc-0", "name: rpc-1");
    let both = json_of(&call(&["render", "-f", "-", "-o", "json"], &format!("{text}\n---\n{other}")));
    assert_eq!(both["items"].as_array().unwrap().len(), 8, "the objects of both nodes");
    // Numbers in the forms that the API server accepts.
    let height =
        node_with(|node| node["spec"]["fullNode"]["snapshot"] = json!({ "s3": { "targetHeight": 1e6 } }));
    let output = call(&["plan", "-f", "-", "-o", "json"], &height);
    assert!(json_of(&output).to_string().contains("\"targetHeight\":1000000"));
}

#[test]
fn run_reports_all_invalid_settings_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_sei-operator")).arg("run").env_clear().output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for name in ["SEI_SIDECAR_IMAGE", "SEI_NODEPOOL_NAME", "SEI_GENESIS_BUCKET"] {
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn crd_manual_and_completions_are_printed() {
    let crd = json_of(&call(&["crd", "-o", "json"], ""));
    assert_eq!(crd["metadata"]["name"], "seinodes.sei.io");
    for arguments in [&["man"][..], &["completions", "bash"]] {
        let output = call(arguments, "");
        assert!(output.status.success() && output.stdout.len() > 500, "{arguments:?}");
    }
}

#[test]
fn a_reader_that_closes_the_pipe_ends_the_command_without_a_panic() {
    for command in ["crd", "render -f tests/conformance/full-tls/seinode.yaml", "plan -f - -o json", "man"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = Command::new(env!("CARGO_BIN_EXE_sei-operator"))
            .args(command.split(' '))
            .current_dir(root())
            .env_clear()
            .envs(builders::platform())
            .stdin(std::fs::File::open(root().join(NODE)).unwrap())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(141), ""), "{command}");
    }
}
