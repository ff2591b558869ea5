//! Services, HTTPRoutes and the PodDisruptionBudget of a group.

use std::sync::Arc;

use sei_deployment::{ObjectKind, Routes, Write};
use sei_render::Gateway;
use serde_json::{Value, json};

use crate::{full_nodes, recorded::Recorded, validators, world::World};

fn at_gateway() -> Routes {
    Routes::At(Arc::new(Gateway {
        name: "public".into(),
        namespace: "gateways".into(),
        domain: "example.com".into(),
        public_domain: None,
    }))
}

fn published(mut spec: Value) -> World {
    spec["networking"] = json!({});
    let mut world = World::new(spec);
    world.routes = at_gateway();
    world
}

fn names(world: &World, kind: ObjectKind) -> Vec<&str> {
    world.objects.keys().filter(|(found, _)| *found == kind).map(|(_, name)| name.as_str()).collect()
}

/// The status that the Gateway reports for every route.
fn answer(world: &mut World, kind: &str, status: &str) {
    let condition = json!({
        "type": kind, "status": status, "reason": "Because", "message": "of this", "observedGeneration": 1,
        "lastTransitionTime": "2026-11-27T04:00:00Z",
    });
    for ((_, _), route) in world.objects.iter_mut().filter(|((kind, _), _)| *kind == ObjectKind::HTTPRoute) {
        route["metadata"]["generation"] = json!(1);
        route["status"] = json!({ "parents": [{ "conditions": [condition] }] });
    }
}

#[test]
fn a_group_has_an_external_service_and_routes_only_while_published() {
    let mut world = published(full_nodes(1));
    world.settle();
    assert_eq!(names(&world, ObjectKind::Service), ["rpc-external", "rpc-internal"]);
    assert_eq!(names(&world, ObjectKind::HTTPRoute), ["rpc-evm", "rpc-grpc", "rpc-rest", "rpc-rpc"]);
    let hosts = world.status().networking_status.unwrap().routes;
    assert_eq!(hosts[0].hostname, "rpc-evm.example.com");
    world.edit("/networking", Value::Null);
    world.settle();
    assert_eq!(names(&world, ObjectKind::Service), ["rpc-internal"]);
    assert_eq!(names(&world, ObjectKind::HTTPRoute), [""; 0]);
    assert_eq!(world.status().networking_status, None);
    assert!(world.status().conditions.unwrap().iter().all(|condition| condition.type_ != "RouteReady"));
}

#[test]
fn websockets_are_routed_regardless_of_the_case_of_the_header() {
    let mut world = published(full_nodes(1));
    world.settle();
    let rules = &world.object(ObjectKind::HTTPRoute, "rpc-evm")["spec"]["rules"];
    let upgrade =
        |value: &str| json!({ "headers": [{ "type": "Exact", "name": "Upgrade", "value": value }] });
    assert_eq!(rules[1]["matches"], json!([upgrade("websocket"), upgrade("WebSocket")]));
    assert_eq!(rules[1]["backendRefs"][0]["port"], 8546);
}

#[test]
fn validators_have_a_service_for_peers_and_no_routes() {
    let mut world = published(validators(1));
    world.settle();
    let ports = world.object(ObjectKind::Service, "rpc-external")["spec"]["ports"].as_array().unwrap();
    assert_eq!((ports.len(), &ports[0]["name"]), (1, &json!("p2p")));
    assert_eq!(names(&world, ObjectKind::HTTPRoute), [""; 0]);
    assert!(world.status().conditions.unwrap().iter().all(|condition| condition.type_ != "RouteReady"));
}

#[test]
fn nodes_do_not_wait_for_routes() {
    for (routes, reason) in [
        (Routes::NotInstalled, "CRDNotInstalled"),
        (Routes::NoGateway, "NoGateway"),
        (Routes::Denied, "AccessDenied"),
        (at_gateway(), "WaitingForGateway"),
    ] {
        let mut world = published(full_nodes(2));
        world.routes = routes;
        world.settle();
        assert_eq!(world.condition("RouteReady"), ("False".into(), reason.into()));
        assert_eq!(world.condition("Ready").0, "True", "{reason}");
        let listed = world.status().networking_status.unwrap().routes.len();
        assert_eq!(listed, if reason == "WaitingForGateway" { 4 } else { 0 }, "{reason}: routes that exist");
    }
}

#[test]
fn routes_are_ready_when_the_gateway_says_so() {
    let mut world = published(full_nodes(1));
    world.settle();
    answer(&mut world, "Accepted", "True");
    assert_eq!(world.condition("RouteReady"), ("True".into(), "RoutesAccepted".into()));
    answer(&mut world, "ResolvedRefs", "False");
    assert_eq!(world.condition("RouteReady"), ("False".into(), "RouteRefused".into()));
    answer(&mut world, "Accepted", "True");
    for route in world.objects.values_mut() {
        route["metadata"]["generation"] = json!(2);
    }
    assert_eq!(world.condition("RouteReady").1, "WaitingForGateway", "that was about an older route");
}

#[test]
fn the_younger_of_two_routes_of_one_host_name_is_reported_and_nothing_is_written() {
    let mut world = published(full_nodes(1));
    world.settle();
    answer(&mut world, "Accepted", "True");
    let at = |namespace: &str, created: &str, host: &str| {
        json!({
            "metadata": { "name": "rpc-rest", "namespace": namespace, "creationTimestamp": created },
            "spec": { "hostnames": [host] },
        })
    };
    for route in world.objects.values_mut() {
        route["metadata"]["creationTimestamp"] = json!("2026-11-27T04:00:00Z");
    }
    for (rival, reason) in [
        (at("a", "2026-11-27T03:00:00Z", "rpc-rest.example.com"), "HostNameInUse"),
        (at("z", "2026-11-27T05:00:00Z", "rpc-rest.example.com"), "RoutesAccepted"),
        // Gateways order routes of the same age by namespace.
        (at("a", "2026-11-27T04:00:00Z", "rpc-rest.example.com"), "HostNameInUse"),
        (at("z", "2026-11-27T04:00:00Z", "rpc-rest.example.com"), "RoutesAccepted"),
        (at("a", "2026-11-27T03:00:00Z", "rpc-rest.a.example.com"), "RoutesAccepted"),
    ] {
        world.rivals = vec![rival.clone()];
        assert_eq!(world.condition("RouteReady").1, reason, "{rival}");
        assert_eq!(world.decide().writes, [], "{rival}");
        assert_eq!(world.condition("Ready").0, "True");
    }
    world.rivals = vec![at("a", "2026-11-27T03:00:00Z", "rpc-rest.example.com")];
    let conditions = world.status().conditions.unwrap();
    let message = &conditions.iter().find(|condition| condition.type_ == "RouteReady").unwrap().message;
    assert!(
        message.starts_with("host name rpc-rest.example.com belongs to HTTPRoute a/rpc-rest"),
        "{message}"
    );
}

#[test]
fn routes_are_not_changed_while_the_gateway_is_unknown() {
    let mut world = published(full_nodes(1));
    world.settle();
    let before = world.objects.clone();
    for routes in [Routes::NoGateway, Routes::NotInstalled, Routes::Denied] {
        world.routes = routes;
        world.settle();
        assert_eq!(world.objects, before);
    }
}

#[test]
fn objects_of_other_owners_are_never_changed() {
    for (kind, name) in [
        (ObjectKind::Service, "rpc-internal"),
        (ObjectKind::Service, "rpc-external"),
        (ObjectKind::HTTPRoute, "rpc-rest"),
        (ObjectKind::PodDisruptionBudget, "rpc"),
    ] {
        for networking in [json!({}), Value::Null] {
            let mut world = published(full_nodes(1));
            world.edit("/networking", networking);
            let is_needed = kind != ObjectKind::PodDisruptionBudget
                && world.objects_wanted().contains(&(kind, name.to_owned()));
            let foreign =
                json!({ "metadata": { "name": name, "namespace": "sei" }, "spec": { "selector": {} } });
            world.objects.insert((kind, name.to_owned()), foreign.clone());
            world.settle();
            assert_eq!(world.object(kind, name), &foreign);
            let reason = if is_needed { "ForeignObject" } else { "Progressing" };
            assert_eq!(world.condition("Stalled").1, reason, "{name}");
            assert_eq!(world.names(), ["rpc-0"], "the nodes do not wait for it");
            world.delete_group();
            world.settle();
            assert_eq!(world.object(kind, name), &foreign);
        }
    }
}

#[test]
fn drains_evict_no_more_pods_than_max_unavailable() {
    let mut spec = full_nodes(4);
    spec["updateStrategy"]["inPlace"] = json!({ "maxUnavailable": "50%" });
    let mut world = World::new(spec);
    world.settle();
    let budget = &world.object(ObjectKind::PodDisruptionBudget, "rpc")["spec"];
    assert_eq!(budget["maxUnavailable"], 2);
    assert_eq!(budget["selector"]["matchLabels"], json!({ "sei.io/nodedeployment": "rpc" }));
    world.edit("/updateStrategy/inPlace", Value::Null);
    world.settle();
    assert_eq!(world.object(ObjectKind::PodDisruptionBudget, "rpc")["spec"]["maxUnavailable"], 1);
}

#[test]
fn a_group_whose_pods_another_budget_selects_has_none() {
    let budget = |labels: Value| {
        json!({
            "metadata": { "name": "by-hand", "namespace": "sei", "uid": "b" },
            "spec": { "maxUnavailable": 0, "selector": { "matchLabels": labels } },
        })
    };
    let mut world = World::new(full_nodes(1));
    let of_others = (ObjectKind::PodDisruptionBudget, "by-hand".to_owned());
    world.objects.insert(of_others.clone(), budget(json!({ "app": "other" })));
    world.settle();
    assert_eq!(names(&world, ObjectKind::PodDisruptionBudget), ["by-hand", "rpc"]);
    world.objects.insert(of_others.clone(), budget(json!({ "sei.io/chain": "pacific-1" })));
    world.settle();
    assert_eq!(names(&world, ObjectKind::PodDisruptionBudget), ["by-hand"]);
    world.objects.remove(&of_others);
    world.knows_budgets = false;
    world.settle();
    assert_eq!(names(&world, ObjectKind::PodDisruptionBudget), [""; 0], "there may be one that is not seen");
    world.knows_budgets = true;
    world.settle();
    assert_eq!(names(&world, ObjectKind::PodDisruptionBudget), ["rpc"]);
}

#[test]
fn taking_over_a_narrowed_service_widens_it_again() {
    for state in
        ["06-bluegreen-image/17-again-3-same", "08-networking-full/11-rollout-complete-selector-still-pinned"]
    {
        let recorded = Recorded::read(state);
        let mut world = World::of(&recorded);
        let external =
            |world: &World| world.object(ObjectKind::Service, "rpc-external")["spec"]["selector"].clone();
        assert_eq!(external(&world).as_object().unwrap().len(), 2);
        let first = world.decide().writes;
        let is_it =
            |write: &Write| matches!(write, Write::ApplyObject(object) if object.name() == "rpc-external");
        first.iter().filter(|write| is_it(write)).for_each(|write| world.carry_out(write));
        assert_eq!(external(&world), json!({ "sei.io/nodedeployment": "rpc" }), "{state}");
    }
}
