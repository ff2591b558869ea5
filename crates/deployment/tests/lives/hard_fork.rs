//! HardFork: the image of a seid is replaced only after it has halted.

use proptest::prelude::*;
use sei_deployment::{Halt, Write, decide};
use serde_json::{Value, json};

use crate::{IMAGE, full_nodes, world::World};

const HEIGHT: u64 = 10;
const OLD: &str = "seid:a";
const NEW: &str = "seid:b";

/// A group whose chain is upgraded at [`HEIGHT`].
struct Chain {
    world: World,
    /// Height of the latest block of each node.
    heights: Vec<u64>,
    /// Nodes whose seid has halted.
    halted: Vec<bool>,
    /// Nodes whose state is currently unknown.
    unknown: Vec<bool>,
}

impl Chain {
    fn new(replicas: usize) -> Self {
        let mut world = World::new(full_nodes(u32::try_from(replicas).unwrap()));
        world.settle();
        world.edit("/updateStrategy", json!({ "type": "HardFork", "hardFork": { "haltHeight": HEIGHT } }));
        let mut chain = Self {
            world,
            heights: vec![1; replicas],
            halted: vec![false; replicas],
            unknown: vec![false; replicas],
        };
        chain.observe_seids();
        chain
    }

    fn name(ordinal: usize) -> String {
        format!("rpc-{ordinal}")
    }

    /// A block is executed with the current image.
    fn advance(&mut self, ordinal: usize) {
        let Some(node) = self.world.nodes.get(&Self::name(ordinal)) else { return };
        let is_old = node["status"]["currentImage"] == OLD;
        if is_old && self.heights[ordinal] == HEIGHT - 1 {
            self.halted[ordinal] = true;
            self.world.lose(&Self::name(ordinal));
        } else {
            self.heights[ordinal] += 1;
            self.halted[ordinal] = false;
        }
        self.observe_seids();
    }

    fn advance_all(&mut self, blocks: u64) {
        for _ in 0..blocks {
            (0..self.heights.len()).for_each(|ordinal| self.advance(ordinal));
        }
    }

    /// What is observed about the seids.
    fn observe_seids(&mut self) {
        for ordinal in 0..self.heights.len() {
            let halt = match (self.unknown[ordinal], self.halted[ordinal], self.heights[ordinal]) {
                (true, ..) => Halt::Unknown,
                (_, true, _) => Halt::Halted,
                (.., height) if height < HEIGHT - 1 => Halt::Before,
                (.., height) if height > HEIGHT => Halt::Passed,
                _ => Halt::Arrived,
            };
            self.world.halts.insert(Self::name(ordinal), halt);
        }
    }

    fn act(&mut self) {
        self.world.act();
    }

    fn waits(&self) -> Vec<String> {
        let nodes = self.world.status().nodes.unwrap().into_iter();
        nodes.map(|node| node.reason.unwrap_or_default()).collect()
    }

    fn stalled(&self) -> String {
        self.world.condition("Stalled").1
    }
}

#[test]
fn images_are_replaced_only_after_seid_has_halted() {
    let mut chain = Chain::new(3);
    chain.world.edit(IMAGE, json!(NEW));
    for _ in 0..HEIGHT - 2 {
        chain.world.settle();
        assert_eq!(chain.world.images(), [OLD; 3]);
        assert_eq!(chain.waits(), ["WaitingForHalt"; 3]);
        assert_eq!(chain.stalled(), "Progressing");
        chain.advance_all(1);
    }
    assert_eq!(chain.heights, [HEIGHT - 1; 3]);
    chain.world.settle();
    assert_eq!(chain.world.images(), [OLD; 3], "the last block of the old image is no halt");
    chain.advance_all(1);
    chain.act();
    assert_eq!(chain.world.images(), [NEW; 3], "a halted chain is updated at once");
    chain.world.settle();
    assert_eq!(chain.world.condition("Ready").0, "True");
}

#[test]
fn a_node_of_unknown_height_keeps_its_image_and_blocks_no_other() {
    let mut chain = Chain::new(3);
    chain.world.edit(IMAGE, json!(NEW));
    chain.unknown[1] = true;
    chain.advance_all(HEIGHT);
    chain.world.settle();
    assert_eq!(chain.world.images(), [NEW, OLD, NEW]);
    let node = &chain.world.status().nodes.unwrap()[1];
    let message = node.message.clone().unwrap();
    assert!(message.contains("not seen at height 9") && message.contains("InPlace"), "{message}");
    // As the message recommends.
    chain.world.edit("/updateStrategy", json!({ "type": "InPlace" }));
    chain.world.settle();
    assert_eq!(chain.world.images(), [NEW; 3]);
}

#[test]
fn a_height_that_the_chain_has_passed_is_refused_with_what_to_do() {
    let mut chain = Chain::new(2);
    chain.heights = vec![HEIGHT + 1; 2];
    chain.observe_seids();
    assert_eq!(chain.stalled(), "Progressing", "no update is due");
    chain.world.edit(IMAGE, json!(NEW));
    chain.world.settle();
    assert_eq!(chain.world.images(), [OLD; 2]);
    assert_eq!(chain.stalled(), "HaltHeightPassed");
    chain.world.edit(IMAGE, json!(OLD));
    chain.world.settle();
    assert_eq!(chain.stalled(), "Progressing");
    assert_eq!(chain.world.condition("Ready").0, "True");
}

#[test]
fn a_reverted_or_superseded_image_takes_effect_at_the_height() {
    let mut chain = Chain::new(2);
    chain.world.edit(IMAGE, json!("seid:wrong"));
    chain.advance_all(3);
    chain.world.settle();
    chain.world.edit(IMAGE, json!(OLD));
    assert_eq!(chain.world.condition("Ready").0, "True");
    assert_eq!(
        chain.world.observe().awaits_halt().len(),
        0,
        "no request is made for nodes that are up to date"
    );
    chain.world.edit(IMAGE, json!(NEW));
    assert_eq!(chain.world.observe().awaits_halt().values().collect::<Vec<_>>(), [&HEIGHT; 2]);
    chain.advance_all(HEIGHT);
    chain.world.settle();
    assert_eq!(chain.world.images(), [NEW; 2]);
}

#[test]
fn no_node_is_created_with_an_image_that_must_not_run_yet() {
    let mut chain = Chain::new(2);
    chain.world.edit(IMAGE, json!(NEW));
    chain.world.nodes.remove("rpc-1");
    chain.world.edit("/replicas", json!(3));
    chain.world.settle();
    assert_eq!(chain.world.names(), ["rpc-0"]);
    assert_eq!(chain.waits(), ["WaitingForHalt"; 3]);
    chain.advance_all(HEIGHT);
    chain.world.settle();
    assert_eq!(chain.world.images(), [NEW; 3]);
}

#[test]
fn a_hard_fork_without_a_height_is_refused() {
    let mut chain = Chain::new(1);
    chain.world.edit("/updateStrategy", json!({ "type": "HardFork" }));
    chain.world.edit(IMAGE, json!(NEW));
    chain.advance_all(HEIGHT);
    chain.world.settle();
    assert_eq!(chain.world.images(), [OLD]);
    assert_eq!(chain.stalled(), "NotSupported");
}

#[derive(Clone, Debug)]
enum Event {
    Image(bool),
    Advance(usize),
    Unknown(usize),
    Delete(usize),
    Replicas(u32),
    /// Another image of sidecars is requested.
    Sidecar(u8),
    Tend(usize),
    /// The bits select the writes that are lost.
    Pass(u32),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => any::<bool>().prop_map(Event::Image),
        8 => (0usize..3).prop_map(Event::Advance),
        1 => (0usize..3).prop_map(Event::Unknown),
        1 => (0usize..3).prop_map(Event::Delete),
        1 => (1u32..4).prop_map(Event::Replicas),
        1 => (0u8..3).prop_map(Event::Sidecar),
        4 => (0usize..3).prop_map(Event::Tend),
        6 => any::<u32>().prop_map(Event::Pass),
    ]
}

fn image_of(node: &Value) -> &str {
    node["spec"]["image"].as_str().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_image_is_replaced_before_seid_has_halted_and_every_upgrade_completes(
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut chain = Chain::new(3);
        for event in events {
            match event {
                Event::Image(is_new) => chain.world.edit(IMAGE, json!(if is_new { NEW } else { OLD })),
                Event::Advance(ordinal) => chain.advance(ordinal),
                Event::Unknown(ordinal) => chain.unknown[ordinal] ^= true,
                Event::Delete(ordinal) => drop(chain.world.nodes.remove(&Chain::name(ordinal))),
                Event::Replicas(replicas) => chain.world.edit("/replicas", json!(replicas)),
                Event::Sidecar(image) => chain.world.sidecar = format!("seictl:{image}"),
                Event::Tend(ordinal) if !chain.halted[ordinal] => chain.world.tend_one(&Chain::name(ordinal)),
                Event::Tend(_) => {}
                Event::Pass(lost) => {
                    chain.observe_seids();
                    let writes = decide(&chain.world.observe()).writes;
                    let arrived = writes.iter().enumerate().filter(|(index, _)| lost & 1 << (index % 32) == 0);
                    for (_, write) in arrived {
                        let before = chain.world.nodes.clone();
                        chain.world.carry_out(write);
                        let Write::Apply { name, .. } = write else { continue };
                        if image_of(&chain.world.nodes[name]) != image_of(&before[name]) {
                            prop_assert_eq!(chain.world.halts[name], Halt::Halted, "{} was updated", name);
                        }
                    }
                }
            }
        }
        chain.world.edit(IMAGE, json!(NEW));
        chain.unknown = vec![false; 3];
        chain.advance_all(2 * HEIGHT);
        chain.world.settle();
        let ended = chain.world.condition("Ready").0 == "True";
        prop_assert!(ended || chain.stalled() == "HaltHeightPassed", "{:?}", chain.waits());
        // While a node is missing, no other one is restarted.
        prop_assert!(!ended || chain.world.former_sidecars().is_empty(), "{:?}", chain.world.former_sidecars());
    }
}
