//! Commands about SeiNodeDeployments.

use serde_json::{Value, json};

use super::*;

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
    // The list can be rendered again, into the objects of its nodes.
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
