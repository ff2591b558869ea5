//! BlueGreen: new SeiNodes replace the old ones after they have caught up.

mod course;
mod interrupted;
mod random;

use jiff::SignedDuration;
use sei_deployment::{Height, ObjectKind};
use serde_json::{Value, json};

use crate::{IMAGE, full_nodes, world::World};

const OLD: &str = "seid:a";
const NEW: &str = "seid:b";
const HEIGHT: u64 = 10_000;
/// Default of `scaleDownDelaySeconds`.
const DELAY: i64 = 30;

/// A published group of full nodes that runs [`OLD`].
struct Group {
    world: World,
}

impl Group {
    fn new(replicas: u32) -> Self {
        let mut spec = full_nodes(replicas);
        spec["updateStrategy"] = json!({ "type": "BlueGreen" });
        spec["networking"] = json!({});
        let mut world = World::new(spec);
        world.settle();
        let mut group = Self { world };
        group.catch_up();
        group.wait(DELAY);
        group
    }

    /// A group whose update to [`NEW`] waits for the heights of its new nodes.
    fn amid_update(replicas: u32) -> Self {
        let mut group = Self::new(replicas);
        group.world.edit(IMAGE, json!(NEW));
        group.world.settle();
        group
    }

    /// The seid of a node is at this height and follows the chain.
    fn at(&mut self, name: &str, latest: u64) {
        self.world.heights.insert(name.to_owned(), Height { latest, is_catching_up: false });
    }

    fn is_catching_up(&mut self, name: &str) {
        self.world.heights.insert(name.to_owned(), Height { latest: HEIGHT, is_catching_up: true });
    }

    /// The seids of all nodes follow the chain.
    fn catch_up(&mut self) {
        let names: Vec<_> = self.world.nodes.keys().cloned().collect();
        names.iter().for_each(|name| self.at(name, HEIGHT));
    }

    fn wait(&mut self, seconds: i64) {
        self.world.now += SignedDuration::from_secs(seconds);
    }

    /// Until nothing is left to do.
    fn finish(&mut self) {
        for _ in 0..20 {
            self.world.settle();
            self.catch_up();
            self.wait(DELAY);
            if self.world.decide().writes.is_empty() {
                return;
            }
        }
        panic!("never ends: {:?}", self.world.decide());
    }

    /// The pods that each Service and the PodDisruptionBudget select, which are always the same pods.
    fn selected(&self) -> &str {
        let internal = self.world.object(ObjectKind::Service, "rpc-internal");
        let external = self.world.object(ObjectKind::Service, "rpc-external");
        let budget = self.world.object(ObjectKind::PodDisruptionBudget, "rpc");
        let of = |selector: &'static str, object: &'_ Value| object.pointer(selector).cloned().unwrap();
        let selector = of("/spec/selector", internal);
        assert_eq!(selector, of("/spec/selector", external));
        assert_eq!(selector, of("/spec/selector/matchLabels", budget));
        assert_eq!(selector.as_object().unwrap().len(), 1);
        internal["spec"]["selector"]["sei.io/nodedeployment"].as_str().unwrap()
    }

    /// Name and reason of each node of the status.
    fn reasons(&self) -> Vec<(String, String)> {
        let nodes = self.world.status().nodes.unwrap().into_iter();
        nodes.map(|node| (node.name, node.reason.unwrap_or_default())).collect()
    }

    fn reason(&self, name: &str) -> String {
        let (_, reason) = self.reasons().into_iter().find(|(node, _)| node == name).unwrap();
        reason
    }

    fn ready(&self) -> (String, String) {
        self.world.condition("Ready")
    }

    /// The old nodes keep serving, unchanged.
    fn assert_untouched(&self, before: &World) {
        for (name, node) in before.nodes.iter().filter(|(name, _)| !name.contains("green")) {
            let now = &self.world.nodes[name];
            assert_eq!((&now["spec"], &now["metadata"]["uid"]), (&node["spec"], &node["metadata"]["uid"]));
        }
        assert_eq!(self.selected(), "rpc");
    }
}
