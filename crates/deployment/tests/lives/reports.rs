//! The status of a group.

use sei_api::ClusterDomain;
use sei_deployment::{Observed, Refusal, decide, status};
use serde_json::json;

use crate::{IMAGE, full_nodes, validators, world::World};

fn with_tls(secret: &str) -> World {
    let mut spec = full_nodes(2);
    spec["template"]["spec"]["sidecar"] = json!({ "tls": { "secretName": secret } });
    World::new(spec)
}

#[test]
fn each_secret_of_the_group_is_listed_with_the_names_that_it_needs() {
    let names = |node: &str| {
        [format!("{node}.sei.svc.cluster.local"), format!("{node}-0.{node}.sei.svc.cluster.local")]
    };
    let own = with_tls("$(name)-tls").status().sidecar_tls.unwrap();
    let found: Vec<_> =
        own.iter().map(|secret| (&*secret.secret_name, &secret.required_dns_names[..])).collect();
    assert_eq!(found, [("rpc-0-tls", &names("rpc-0")[..]), ("rpc-1-tls", &names("rpc-1")[..])]);
    let shared = with_tls("shared").status().sidecar_tls.unwrap();
    assert_eq!(shared.len(), 1);
    assert_eq!(shared[0].required_dns_names, [names("rpc-0"), names("rpc-1")].concat());
    assert_eq!(World::new(full_nodes(1)).status().sidecar_tls, None);
    let observed =
        Observed { domain: ClusterDomain::parse("k8s.example").unwrap(), ..with_tls("shared").observe() };
    let elsewhere = status(&observed, &decide(&observed), &[]).sidecar_tls.unwrap();
    assert_eq!(elsewhere[0].required_dns_names[0], "rpc-0.sei.svc.k8s.example");
}

#[test]
fn a_secret_is_ready_when_every_node_that_uses_it_accepts_it() {
    let mut world = with_tls("shared");
    world.settle();
    let accept = |world: &mut World, name: &str| {
        let conditions = world.nodes.get_mut(name).unwrap()["status"]["conditions"].as_array_mut().unwrap();
        let mut accepted = conditions[0].clone();
        accepted["type"] = json!("SidecarTLSSecretReady");
        conditions.push(accepted);
    };
    for (name, ready) in [("rpc-0", false), ("rpc-1", true)] {
        accept(&mut world, name);
        assert_eq!(world.status().sidecar_tls.unwrap()[0].ready, ready);
    }
}

#[test]
fn validators_publish_no_evm_endpoints() {
    let mut world = World::new(validators(2));
    world.settle();
    assert_eq!(world.status().endpoints.unwrap().nodes, None);
    let mut world = World::new(full_nodes(2));
    world.settle();
    let nodes = world.status().endpoints.unwrap().nodes.unwrap();
    assert_eq!(nodes[1].evm_json_rpc.as_deref(), Some("http://rpc-1.sei.svc:8545"));
}

#[test]
fn a_running_node_that_is_not_ready_does_not_count_as_ready() {
    let mut world = World::new(full_nodes(2));
    world.settle();
    world.lose("rpc-1");
    let status = world.status();
    assert_eq!((status.ready_replicas, status.available_replicas), (Some(1), Some(1)));
    assert_eq!(world.condition("Ready").1, "NodesNotReady");
}

#[test]
fn a_node_that_is_stalled_stalls_the_group_with_its_reason() {
    let mut world = World::new(full_nodes(2));
    world.settle();
    let stalled = json!({
        "type": "Stalled", "status": "True", "reason": "InvalidSpec", "message": "overrides: no such key",
        "lastTransitionTime": "2026-11-27T04:00:00Z",
    });
    world.lose("rpc-1");
    world.nodes.get_mut("rpc-1").unwrap()["status"]["conditions"].as_array_mut().unwrap().push(stalled);
    let conditions = world.status().conditions.unwrap();
    let stalled = conditions.iter().find(|condition| condition.type_ == "Stalled").unwrap();
    assert_eq!((stalled.status.as_str(), stalled.reason.as_str()), ("True", "NodeStalled"));
    assert_eq!(stalled.message, "SeiNode rpc-1: InvalidSpec: overrides: no such key");
}

#[test]
fn a_rejected_write_is_reported_with_the_message_of_the_api_server() {
    let mut world = World::new(full_nodes(2));
    world.settle();
    world.edit(IMAGE, json!("seid:b"));
    let observed = world.observe();
    let refusal = Refusal { object: "SeiNode rpc-1".to_owned(), message: "denied by policy".to_owned() };
    let conditions = status(&observed, &decide(&observed), &[refusal]).conditions.unwrap();
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!(ready.reason, "WriteRefused");
    assert!(ready.message.contains("refused to write SeiNode rpc-1: denied by policy"), "{}", ready.message);
}

#[test]
fn a_new_group_is_not_reported_as_being_updated() {
    let mut world = World::new(full_nodes(2));
    for _ in 0..3 {
        world.act();
        let reasons = (world.condition("Ready").1, world.condition("Progressing").1);
        assert!(!reasons.0.contains("Update") && !reasons.1.contains("Updating"), "{reasons:?}");
    }
    world.settle();
    assert_eq!(world.condition("Progressing").1, "Complete");
}
