//! Random templates, scalings, failures, lost writes and lagging caches.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sei_api::labels;
use sei_deployment::{Observed, Write, decide};
use serde_json::{Value, json};

use crate::{IMAGE, validators, world::World};

#[derive(Clone, Debug)]
enum Event {
    Image(u8),
    /// Another field of the spec.
    Override(u8),
    /// A label, which restarts nothing.
    Label(u8),
    Replicas(u32),
    /// Another image of sidecars is requested.
    Sidecar(u8),
    MaxUnavailable(Value),
    /// The pod of a node is lost.
    Lose(u8),
    /// A node is deleted by a user, and is gone immediately.
    Delete(u8),
    /// A user creates a SeiNode with the name of a missing one.
    Foreign(u8),
    /// A node can no longer be decoded, or can be again.
    Unreadable(u8),
    /// A user deletes the SeiNode of the second set.
    DeleteSecond,
    /// The reconciler of SeiNodes makes progress on one node.
    Tend(u8),
    /// A reconcile. The bits select the writes that are lost.
    Pass(u32),
    /// A reconcile that observes the state of the previous one.
    LatePass(u32),
}

fn event() -> impl Strategy<Value = Event> {
    let max_unavailable = prop_oneof![
        (1u32..4).prop_map(|max| json!(max)),
        (1u32..=100).prop_map(|percent| json!(format!("{percent}%"))),
    ];
    prop_oneof![
        2 => (0u8..3).prop_map(Event::Image),
        1 => (0u8..3).prop_map(Event::Override),
        1 => (0u8..3).prop_map(Event::Label),
        1 => (1u32..6).prop_map(Event::Replicas),
        1 => (0u8..3).prop_map(Event::Sidecar),
        1 => max_unavailable.prop_map(Event::MaxUnavailable),
        1 => (0u8..6).prop_map(Event::Lose),
        1 => (0u8..6).prop_map(Event::Delete),
        1 => (0u8..6).prop_map(Event::Foreign),
        1 => (0u8..6).prop_map(Event::Unreadable),
        1 => Just(Event::DeleteSecond),
        8 => (0u8..6).prop_map(Event::Tend),
        12 => any::<u32>().prop_map(Event::Pass),
        4 => any::<u32>().prop_map(Event::LatePass),
    ]
}

/// The SeiNode that a blue/green update of the Go controller has left instead of rpc-0.
const SECOND: &str = "rpc-g2-0";

/// Validators with keys in Secrets: one for each node, or the same for the one replica and for its second set.
fn group(has_second: bool) -> World {
    let variable = if has_second { "" } else { "$(name)-" };
    let key = |name: &str| json!({ "secret": { "secretName": format!("{variable}{name}") } });
    let mut spec = validators(if has_second { 1 } else { 3 });
    spec["template"]["spec"]["validator"] = json!({ "signingKey": key("signing"), "nodeKey": key("node") });
    let mut world = World::new(spec);
    world.bad_images.push("seid:2".to_owned());
    if has_second {
        let owner = json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "name": "rpc", "uid": "group-1",
            "controller": true,
        });
        let labels = json!({ labels::DEPLOYMENT: "rpc", labels::DEPLOYMENT_ORDINAL: "0" });
        insert(&mut world, SECOND, json!({ "labels": labels, "ownerReferences": [owner] }));
    }
    world
}

fn insert(world: &mut World, name: &str, mut metadata: Value) {
    metadata["name"] = json!(name);
    let mut spec = world.group["spec"]["template"]["spec"].to_string();
    spec = spec.replace("$(name)", name);
    world.insert(json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "metadata": metadata,
        "spec": serde_json::from_str::<Value>(&spec).unwrap(),
    }));
}

fn happen(world: &mut World, seen: &mut Observed, event: Event) -> Result<(), TestCaseError> {
    let name = |ordinal: u8| format!("rpc-{ordinal}");
    match event {
        Event::Image(image) => world.edit(IMAGE, json!(format!("seid:{image}"))),
        Event::Override(port) => {
            world.edit("/template/spec/overrides", json!({ "evm.http_port": format!("854{port}") }));
        }
        Event::Label(label) => {
            world.edit("/template/metadata", json!({ "labels": { "team": label.to_string() } }));
        }
        // The API server refuses several replicas with one key.
        Event::Replicas(_) if !has_own_keys(world) => {}
        Event::Replicas(replicas) => world.edit("/replicas", json!(replicas)),
        Event::Sidecar(image) => world.sidecar = format!("seictl:{image}"),
        Event::MaxUnavailable(max) => {
            world.edit("/updateStrategy/inPlace", json!({ "maxUnavailable": max }));
        }
        Event::Lose(ordinal) if world.nodes.contains_key(&name(ordinal)) => world.lose(&name(ordinal)),
        Event::Lose(_) => {}
        Event::Delete(ordinal) => {
            world.nodes.remove(&name(ordinal));
            world.unreadable.remove(&name(ordinal));
        }
        Event::Foreign(ordinal) if has_own_keys(world) && !world.nodes.contains_key(&name(ordinal)) => {
            insert(world, &name(ordinal), json!({}));
        }
        Event::Foreign(_) => {}
        Event::Unreadable(ordinal) if world.unreadable.remove(&name(ordinal)) => {}
        Event::Unreadable(ordinal) if world.nodes.contains_key(&name(ordinal)) => {
            world.unreadable.insert(name(ordinal));
        }
        Event::Unreadable(_) => {}
        Event::DeleteSecond => {
            let second = world.nodes.get_mut(SECOND).into_iter();
            second.for_each(|node| node["metadata"]["deletionTimestamp"] = json!("2027-01-01T00:00:00Z"));
        }
        Event::Tend(ordinal) => {
            for name in [name(ordinal).as_str(), SECOND] {
                let deleted = |node: &Value| !node["metadata"]["deletionTimestamp"].is_null();
                match world.nodes.get(name).is_some_and(deleted) {
                    true => drop(world.nodes.remove(name)),
                    false => world.tend_one(name),
                }
            }
        }
        Event::Pass(lost) => {
            *seen = world.observe();
            act(world, seen, lost, true)?;
        }
        Event::LatePass(lost) => act(world, seen, lost, false)?,
    }
    Ok(())
}

fn has_own_keys(world: &World) -> bool {
    world.group["spec"]["template"].to_string().contains("$(name)")
}

/// Executes a decision, and checks that each write is allowed at that moment.
fn act(world: &mut World, seen: &Observed, lost: u32, is_current: bool) -> Result<(), TestCaseError> {
    let strategy = &seen.group.spec.update_strategy;
    let replicas = seen.group.spec.replicas();
    let budget = strategy.max_unavailable(replicas);
    for (index, write) in decide(seen).writes.iter().enumerate() {
        if lost & 1 << (index % 32) != 0 {
            continue;
        }
        // A node that may replace its sidecar may restart at any time.
        let serves = |world: &World, name: &str| world.is_available(name) && !world.may_replace_sidecar(name);
        let served = match write {
            Write::Apply { name, .. } => serves(world, name),
            _ => false,
        };
        world.carry_out(write);
        let Write::Apply { name, .. } = write else { continue };
        if served && !serves(world, name) && is_current {
            // The group itself made it unavailable: no more than allowed are.
            let down = (0..replicas).filter(|ordinal| !serves(world, &format!("rpc-{ordinal}"))).count();
            prop_assert!(down <= budget as usize, "{down} of {replicas} down, {budget} allowed");
        }
    }
    Ok(())
}

/// Checks all existing nodes: pods of a node that is being deleted or cannot be decoded are still running.
fn keys_are_unique(world: &World) -> Result<(), TestCaseError> {
    let keys = world
        .nodes
        .values()
        .map(|node| node["spec"]["validator"]["signingKey"]["secret"]["secretName"].clone());
    let keys: Vec<_> = keys.map(|key| key.to_string()).collect();
    prop_assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{:?}", world.names());
    Ok(())
}

/// Every node has the template and is available, or the status reports which is not and why.
fn has_ended_or_waits(world: &World) -> Result<(), TestCaseError> {
    let status = world.status();
    let nodes = status.nodes.clone().unwrap();
    let is_wanted = |name: &String| nodes.iter().any(|node| node.name == *name);
    let of = |kind: &str| {
        let condition = status.conditions.iter().flatten().find(|condition| condition.type_ == kind).unwrap();
        (condition.status == "True", condition.message.clone())
    };
    let ((is_ready, ready), (is_stalled, stalled)) = (of("Ready"), of("Stalled"));
    let image = world.group["spec"]["template"]["spec"]["image"].as_str().unwrap();
    let is_wrong = |name: &String| !world.is_own(name) || world.unreadable.contains(name);
    let needs_a_user = world.nodes.keys().any(|name| is_wanted(name) && is_wrong(name));
    prop_assert_eq!(is_stalled, needs_a_user, "{}", stalled);
    if !world.bad_images.iter().any(|bad| bad == image) && !needs_a_user {
        prop_assert!(is_ready, "{}", ready);
    }
    if is_ready {
        let own = world.nodes.iter().filter(|(name, _)| !is_wrong(name));
        let right = own.filter(|(name, node)| is_wanted(name) && node["spec"]["image"] == image);
        prop_assert_eq!(right.count() as u64, world.group["spec"]["replicas"].as_u64().unwrap());
        let former = world.former_sidecars();
        prop_assert!(!former.iter().any(|name| is_wanted(&(*name).to_owned())), "{:?}", former);
    } else {
        let waits = nodes.iter().filter(|node| node.reason.is_some() && node.message.is_some()).count();
        prop_assert!(waits > 0 && !ready.is_empty(), "{}: {:?}", ready, nodes);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_two_nodes_share_a_key_and_no_write_exceeds_the_budget(
        has_second in prop::bool::weighted(0.2),
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut world = group(has_second);
        let mut seen = world.observe();
        for event in events {
            happen(&mut world, &mut seen, event)?;
            keys_are_unique(&world)?;
        }
        world.settle();
        keys_are_unique(&world)?;
        has_ended_or_waits(&world)?;
    }
}
