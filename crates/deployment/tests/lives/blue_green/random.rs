//! Random templates, scalings, failures, lost writes and lagging caches.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sei_deployment::{Object, ObjectKind, Observed, Write, decide};
use serde_json::json;

use super::{Group, NEW};
use crate::IMAGE;

#[derive(Clone, Debug)]
enum Event {
    Image(u8),
    Replicas(u32),
    /// Another image of sidecars is requested.
    Sidecar(u8),
    InPlace(bool),
    /// How long replaced nodes are kept.
    Delay(bool),
    /// The pod of a node is lost.
    Lose(usize),
    /// A node is deleted by a user.
    Delete(usize),
    /// A Service is deleted by a user.
    DeleteService(bool),
    /// The reconciler of SeiNodes makes progress on one node.
    Tend(usize),
    /// The seid of a node follows the chain, or no longer does.
    Height(usize, bool),
    Seconds(i64),
    /// A reconcile. The bits select the writes that are lost.
    Pass(u32),
    /// A reconcile that observes the state of the previous one.
    LatePass(u32),
}

const NAMES: [&str; 6] = ["rpc-0", "rpc-1", "rpc-2", "rpc-green-0", "rpc-green-1", "rpc-green-2"];
const BAD: u8 = 2;

fn event() -> impl Strategy<Value = Event> {
    let name = || 0..NAMES.len();
    prop_oneof![
        2 => (0u8..4).prop_map(Event::Image),
        1 => (1u32..4).prop_map(Event::Replicas),
        1 => (0u8..3).prop_map(Event::Sidecar),
        1 => prop::bool::weighted(0.2).prop_map(Event::InPlace),
        1 => any::<bool>().prop_map(Event::Delay),
        1 => name().prop_map(Event::Lose),
        1 => name().prop_map(Event::Delete),
        1 => any::<bool>().prop_map(Event::DeleteService),
        6 => name().prop_map(Event::Tend),
        6 => (name(), prop::bool::weighted(0.8)).prop_map(|(name, follows)| Event::Height(name, follows)),
        2 => (1i64..60).prop_map(Event::Seconds),
        8 => any::<u32>().prop_map(Event::Pass),
        2 => any::<u32>().prop_map(Event::LatePass),
    ]
}

/// The label of the pods of a node.
fn set(name: &str) -> &'static str {
    if name.contains("green") { "rpc.green" } else { "rpc" }
}

impl Group {
    /// What the internal Service selects, if it exists.
    fn serving(&self) -> Option<String> {
        let service = self.world.objects.get(&(ObjectKind::Service, "rpc-internal".to_owned()))?;
        Some(service["spec"]["selector"]["sei.io/nodedeployment"].as_str()?.to_owned())
    }

    /// Whether a Service selects the pod of a node.
    fn is_selected(&self, name: &str) -> bool {
        let services = self.world.objects.iter().filter(|((kind, _), _)| *kind == ObjectKind::Service);
        let mut selectors =
            services.map(|(_, service)| &service["spec"]["selector"]["sei.io/nodedeployment"]);
        selectors.any(|selected| *selected == set(name))
    }

    fn stays(&self, name: &str) -> bool {
        self.world.nodes.get(name).is_some_and(|node| node["metadata"]["deletionTimestamp"].is_null())
    }

    /// The nodes of a set that are not being deleted.
    fn staying(&self, of: &str) -> usize {
        NAMES.iter().filter(|name| set(name) == of && self.stays(name)).count()
    }

    fn replicas(&self) -> usize {
        usize::try_from(self.world.group["spec"]["replicas"].as_u64().unwrap()).unwrap()
    }

    /// Whether every node of a set is available, runs the template and, for new traffic, follows the chain.
    fn can_serve(&self, of: &str, needs_height: bool) -> bool {
        let image = &self.world.group["spec"]["template"]["spec"]["image"];
        let able = NAMES.iter().filter(|name| set(name) == of).take(self.replicas()).filter(|name| {
            let follows = self.world.heights.get(**name).is_some_and(|height| !height.is_catching_up);
            self.world.is_available(name)
                && self.world.nodes[**name]["spec"]["image"] == *image
                && (follows || !needs_height)
        });
        able.count() == self.replicas()
    }

    /// Executes a decision, and checks that each write is allowed at that moment.
    fn pass(&mut self, seen: &Observed, lost: u32, is_late: bool) -> Result<(), TestCaseError> {
        for (index, write) in decide(seen).writes.iter().enumerate() {
            if lost & 1 << (index % 32) != 0 {
                continue;
            }
            if !is_late {
                self.check(write)?;
            }
            self.world.carry_out(write);
        }
        Ok(())
    }

    fn check(&self, write: &Write) -> Result<(), TestCaseError> {
        let serving = self.serving().unwrap_or_default();
        let is_blue_green = self.world.group["spec"]["updateStrategy"]["type"] == "BlueGreen";
        match write {
            Write::ApplyObject(Object::Service(service)) => {
                let selector = service.spec.as_ref().unwrap().selector.as_ref().unwrap();
                let next = &selector["sei.io/nodedeployment"];
                let moves = !serving.is_empty() && *next != serving && self.staying(&serving) > 0;
                prop_assert!(!moves || self.can_serve(next, true), "traffic moved to {next}");
            }
            Write::Delete { name, .. } => {
                let ordinal: usize = name.rsplit('-').next().unwrap().parse().unwrap();
                let other = if set(name) == "rpc" { "rpc.green" } else { "rpc" };
                let is_replaced = !self.is_selected(name) && self.can_serve(other, false);
                prop_assert!(ordinal >= self.replicas() || is_replaced, "{name} was deleted");
            }
            Write::Apply { name, patch } if is_blue_green && self.is_selected(name) => {
                let image = &self.world.nodes[name]["spec"]["image"];
                prop_assert_eq!(&patch["spec"]["image"], image, "{} serves and was updated", name);
            }
            _ => {}
        }
        Ok(())
    }

    fn happen(&mut self, event: Event, seen: &mut Observed) -> Result<(), TestCaseError> {
        match event {
            Event::Image(image) => self.world.edit(IMAGE, json!(format!("seid:{image}"))),
            Event::Replicas(replicas) => self.world.edit("/replicas", json!(replicas)),
            Event::Sidecar(image) => self.world.sidecar = format!("seictl:{image}"),
            Event::InPlace(is) => {
                let strategy = if is { "InPlace" } else { "BlueGreen" };
                self.world.edit("/updateStrategy/type", json!(strategy));
            }
            Event::Delay(is_none) => {
                let seconds = if is_none { 0 } else { super::DELAY };
                self.world.edit("/updateStrategy/blueGreen", json!({ "scaleDownDelaySeconds": seconds }));
            }
            Event::Lose(name) if self.stays(NAMES[name]) => self.world.lose(NAMES[name]),
            Event::Lose(_) => {}
            Event::Delete(name) => drop(self.world.nodes.remove(NAMES[name])),
            Event::DeleteService(is_internal) => {
                let name = if is_internal { "rpc-internal" } else { "rpc-external" };
                self.world.objects.remove(&(ObjectKind::Service, name.to_owned()));
            }
            Event::Tend(name) if self.stays(NAMES[name]) => self.world.tend_one(NAMES[name]),
            Event::Tend(name) => drop(self.world.nodes.remove(NAMES[name])),
            Event::Height(name, true) => self.at(NAMES[name], super::HEIGHT),
            Event::Height(name, false) => self.is_catching_up(NAMES[name]),
            Event::Seconds(seconds) => self.wait(seconds),
            Event::Pass(lost) => {
                *seen = self.world.observe();
                self.pass(seen, lost, false)?;
            }
            Event::LatePass(lost) => self.pass(seen, lost, true)?,
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn traffic_moves_only_to_complete_sets_and_no_serving_set_is_deleted(
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut group = Group::new(2);
        group.world.bad_images.push(format!("seid:{BAD}"));
        let mut seen = group.world.observe();
        for event in events {
            group.happen(event, &mut seen)?;
        }
        group.finish();
        let image = group.world.group["spec"]["template"]["spec"]["image"].as_str().unwrap().to_owned();
        let (ready, reason) = group.ready();
        if group.world.bad_images.contains(&image) {
            // It waits, with the reason of a node, until the image is corrected.
            let waits: BTreeSet<_> = group.reasons().into_iter().map(|(_, reason)| reason).collect();
            prop_assert!(ready == "True" || waits.contains("WaitingForPod"), "{reason}: {waits:?}");
            group.world.edit(IMAGE, json!(NEW));
            group.finish();
        }
        prop_assert_eq!(group.ready().0, "True", "{:?}", group.reasons());
        prop_assert_eq!(group.world.nodes.len(), group.replicas());
        prop_assert_eq!(group.world.former_sidecars(), Vec::<&str>::new());
        let names = group.world.names();
        prop_assert!(names.iter().all(|name| set(name) == group.selected()), "{names:?}");
    }
}
