//! Any order of events around SeiNodes with copies of one signing key, observed through a lagging cache, never lead to
//! a second pod or a StatefulSet that would create one.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use sei_api::SeiNode;
use sei_decide::{
    contention::{Stage, Use, contention},
    exclusive::PublicKey,
};
use serde_json::json;

const NODES: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Event {
    Create(usize),
    /// The SeiNode is deleted; its objects follow later.
    Delete(usize),
    /// The garbage collector deletes the StatefulSet of a deleted SeiNode, and its pod starts terminating.
    Collect(usize),
    /// The StatefulSet's controller creates the pod.
    Pod(usize),
    /// A pod ends that has no StatefulSet or is being replaced.
    End(usize),
    Pass(usize),
    /// The cache catches up with SeiNodes, StatefulSets or pods.
    See(usize),
    /// Another leader starts, with a full cache and without any memory.
    Restart,
}

/// Indices of the nodes that have an object of each kind.
#[derive(Clone, Default)]
struct Objects {
    nodes: BTreeSet<usize>,
    templates: BTreeSet<usize>,
    pods: BTreeSet<usize>,
}

#[derive(Default)]
struct World {
    real: Objects,
    seen: Objects,
    granted: BTreeSet<usize>,
}

fn node(index: usize) -> SeiNode {
    let key = |name: String| json!({ "secret": { "secretName": name } });
    serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode",
        "metadata": {
            "name": format!("v{index}"), "namespace": format!("n{}", index % 2), "uid": index.to_string(),
            // The first two were created in the same second.
            "creationTimestamp": format!("2027-01-01T00:00:0{}Z", index / 2),
        },
        "spec": { "chainId": "c", "image": "i", "validator": {
            "signingKey": key(format!("copy-{index}")), "nodeKey": key("n".to_owned()),
        }},
    }))
    .unwrap()
}

fn key(_: &str, _: &str) -> Option<PublicKey> {
    PublicKey::read(br#"{ "address": "A", "pub_key": { "value": "P" } }"#)
}

fn uses(of: &BTreeSet<usize>, stage: Stage) -> impl Iterator<Item = Use> {
    of.iter().map(move |index| Use::of_node(&node(*index), stage))
}

impl World {
    fn take(&mut self, event: Event) {
        match event {
            Event::Create(index) => {
                // The name is available once the former objects are gone.
                if !self.real.templates.contains(&index) && !self.real.pods.contains(&index) {
                    self.real.nodes.insert(index);
                }
            }
            Event::Delete(index) => {
                self.real.nodes.remove(&index);
                self.granted.remove(&index);
            }
            Event::Collect(index) => {
                if !self.real.nodes.contains(&index) {
                    self.real.templates.remove(&index);
                }
            }
            Event::Pod(index) => {
                if self.real.templates.contains(&index) {
                    self.real.pods.insert(index);
                }
            }
            Event::End(index) => {
                self.real.pods.remove(&index);
            }
            Event::Pass(index) => self.pass(index),
            Event::See(0) => self.seen.nodes = self.real.nodes.clone(),
            Event::See(1) => self.seen.templates = self.real.templates.clone(),
            Event::See(_) => self.seen.pods = self.real.pods.clone(),
            Event::Restart => {
                self.seen = self.real.clone();
                self.granted.clear();
            }
        }
    }

    fn pass(&mut self, index: usize) {
        if !self.seen.nodes.contains(&index) || !self.real.nodes.contains(&index) {
            return;
        }
        let mut known: Vec<Use> = uses(&self.seen.nodes, Stage::Named).collect();
        known.extend(uses(&self.granted, Stage::Granted));
        known.extend(uses(&self.seen.templates, Stage::Template));
        known.extend(uses(&self.seen.pods, Stage::Pod));
        if contention(&node(index), &known, &key).rival.is_some() {
            return;
        }
        self.granted.insert(index);
        let live: Vec<Use> =
            uses(&self.real.templates, Stage::Template).chain(uses(&self.real.pods, Stage::Pod)).collect();
        if contention(&node(index), &live, &key).rival.is_none() {
            self.real.templates.insert(index);
        }
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let index = 0..NODES;
    let event = prop_oneof![
        2 => index.clone().prop_map(Event::Create),
        1 => index.clone().prop_map(Event::Delete),
        1 => index.clone().prop_map(Event::Collect),
        2 => index.clone().prop_map(Event::Pod),
        1 => index.clone().prop_map(Event::End),
        4 => index.prop_map(Event::Pass),
        3 => (0..3usize).prop_map(Event::See),
        1 => Just(Event::Restart),
    ];
    prop::collection::vec(event, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_two_pods_have_the_same_key_in_any_order_of_events(events in events()) {
        let mut world = World::default();
        for event in events {
            world.take(event);
            let holders: BTreeSet<_> = world.real.templates.union(&world.real.pods).collect();
            prop_assert!(holders.len() <= 1, "{holders:?} after {event:?}");
        }
    }

    /// Once the blocking pod is gone, a waiting node starts.
    #[test]
    fn a_released_key_is_taken(events in events()) {
        let mut world = World::default();
        events.into_iter().for_each(|event| world.take(event));
        for index in 0..NODES {
            world.take(Event::Create(index));
            if !world.real.nodes.contains(&index) {
                world.take(Event::Collect(index));
                world.take(Event::End(index));
                world.take(Event::Create(index));
            }
        }
        for _ in 0..2 {
            (0..3).for_each(|kind| world.take(Event::See(kind)));
            (0..NODES).for_each(|index| world.take(Event::Pass(index)));
        }
        prop_assert_eq!(world.real.templates.len(), 1);
    }
}
