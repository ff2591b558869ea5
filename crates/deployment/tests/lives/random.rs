//! Random templates, scalings, failures, lost writes and caches that lag.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sei_deployment::{Observed, Write, decide};
use serde_json::json;

use crate::{IMAGE, validators, world::World};

#[derive(Clone, Debug)]
enum Event {
    Image(u8),
    Replicas(u32),
    MaxUnavailable(u32),
    /// The pod of a node is lost.
    Lose(u8),
    /// A node is deleted by a user.
    Delete(u8),
    /// The reconciler of SeiNodes makes progress on one node.
    Tend(u8),
    /// A reconcile. The bits select the writes that are lost.
    Pass(u32),
    /// A reconcile that observes the state of the previous one.
    LatePass(u32),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => (0u8..3).prop_map(Event::Image),
        1 => (1u32..6).prop_map(Event::Replicas),
        1 => (1u32..4).prop_map(Event::MaxUnavailable),
        1 => (0u8..6).prop_map(Event::Lose),
        1 => (0u8..6).prop_map(Event::Delete),
        4 => (0u8..6).prop_map(Event::Tend),
        6 => any::<u32>().prop_map(Event::Pass),
        2 => any::<u32>().prop_map(Event::LatePass),
    ]
}

/// Validators with separate keys in Secrets.
fn group() -> World {
    let mut spec = validators(3);
    let key = |name: &str| json!({ "secret": { "secretName": name } });
    spec["template"]["spec"]["validator"] =
        json!({ "signingKey": key("$(name)-signing"), "nodeKey": key("$(name)-node") });
    World::new(spec)
}

/// Executes a decision, and checks that each write is allowed at that moment.
fn act(world: &mut World, seen: &Observed, lost: u32) -> Result<(), TestCaseError> {
    let decision = decide(seen);
    let strategy = &seen.group.spec.update_strategy;
    let (replicas, is_late) = (seen.group.spec.replicas(), lost & 1 << 31 != 0);
    let budget = strategy.max_unavailable(replicas);
    for (index, write) in decision.writes.iter().enumerate() {
        if lost & 1 << (index % 31) != 0 {
            continue;
        }
        let was_available = match write {
            Write::Apply { name, .. } => world.is_available(name),
            _ => false,
        };
        world.carry_out(write);
        let Write::Apply { name, .. } = write else { continue };
        if was_available && !world.is_available(name) && !is_late {
            // Our own act made it unavailable: no more than allowed are.
            let down = (0..replicas).filter(|ordinal| !world.is_available(&format!("rpc-{ordinal}"))).count();
            prop_assert!(down <= budget as usize, "{down} of {replicas} down, {budget} allowed");
        }
    }
    Ok(())
}

fn keys_are_unique(world: &World) -> Result<(), TestCaseError> {
    let keys = world
        .nodes
        .values()
        .map(|node| node["spec"]["validator"]["signingKey"]["secret"]["secretName"].clone());
    let keys: Vec<_> = keys.map(|key| key.to_string()).collect();
    prop_assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_two_nodes_share_a_key_no_act_exceeds_the_budget_and_every_life_ends_or_names_its_wait(
        events in prop::collection::vec(event(), 1..60),
    ) {
        let mut world = group();
        world.bad_images.push("seid:2".to_owned());
        let mut seen = world.observe();
        for event in events {
            let name = |ordinal: u8| format!("rpc-{ordinal}");
            match event {
                Event::Image(image) => world.edit(IMAGE, json!(format!("seid:{image}"))),
                Event::Replicas(replicas) => world.edit("/replicas", json!(replicas)),
                Event::MaxUnavailable(max) => {
                    world.edit("/updateStrategy/inPlace", json!({ "maxUnavailable": max }));
                }
                Event::Lose(ordinal) if world.nodes.contains_key(&name(ordinal)) => world.lose(&name(ordinal)),
                Event::Delete(ordinal) => drop(world.nodes.remove(&name(ordinal))),
                Event::Tend(ordinal) => {
                    let deleted = |node: &serde_json::Value| !node["metadata"]["deletionTimestamp"].is_null();
                    match world.nodes.get(&name(ordinal)).is_some_and(deleted) {
                        true => drop(world.nodes.remove(&name(ordinal))),
                        false => world.tend_one(&name(ordinal)),
                    }
                }
                Event::Lose(_) => {}
                Event::Pass(lost) => {
                    seen = world.observe();
                    act(&mut world, &seen, lost & !(1 << 31))?;
                }
                Event::LatePass(lost) => act(&mut world, &seen, lost | 1 << 31)?,
            }
            keys_are_unique(&world)?;
        }
        world.settle();
        let status = world.status();
        let ready = status.conditions.unwrap().into_iter().find(|condition| condition.type_ == "Ready").unwrap();
        let image = world.group["spec"]["template"]["spec"]["image"].as_str().unwrap().to_owned();
        if world.bad_images.contains(&image) {
            prop_assert!(ready.status == "True" || ready.message.contains("WaitingForPod"), "{}", ready.message);
        } else {
            prop_assert_eq!(ready.status, "True", "{}", ready.message);
            prop_assert!(world.images().iter().all(|found| *found == image));
        }
        prop_assert_eq!(world.nodes.len(), world.group["spec"]["replicas"].as_u64().unwrap() as usize);
    }
}
