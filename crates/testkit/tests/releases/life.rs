//! The life of a node: its first plan, updates, and a restarted sidecar.

use sei_api::{
    conditions::ConditionType,
    v1alpha1::{ConfigRollout, PeerSource},
};
use sei_testkit::sidecar::Generation;
use serde_json::{Value, json};

use crate::{
    crash::{Crash, Crashes},
    node::Node,
    outside::Started,
};

/// The peer before any change.
pub const PEER: &str = "0123456789abcdef0123456789abcdef01234567@peer.example:26656";
/// Its default splits the EVM store since v0.0.67.
const SPLIT: &str = "storage.state_store.evm_ss_split";

/// A mode, and what its configuration must be.
#[derive(Clone)]
pub struct Case {
    pub spec: Value,
    /// Whether seid starts with state sync.
    syncs: bool,
    /// Whether its volume may have data, which is not split.
    has_data: bool,
}

/// What restarts in the life of a node.
#[derive(Clone, Copy, Debug)]
pub struct Restarts {
    /// The operator, at every step of every plan.
    pub operator: Option<Crash>,
    /// The sidecar whenever the operator does.
    pub both: bool,
    /// The sidecar, as soon as it has accepted a task.
    pub sidecar: bool,
}

impl Case {
    pub fn new(mode: Value) -> Self {
        let peers = json!([{ "static": { "addresses": [PEER] } }]);
        let mut spec = json!({ "chainId": "devnet-1", "image": "seid:0", "peers": peers });
        spec.as_object_mut().unwrap().extend(mode.as_object().unwrap().clone());
        Self { spec, syncs: false, has_data: false }
    }

    pub fn syncs(self) -> Self {
        Self { syncs: true, ..self }
    }

    pub fn has_data(self) -> Self {
        Self { has_data: true, ..self }
    }

    /// With every release, without a restart and with a sidecar that restarts.
    pub async fn live(&self) {
        for generation in Generation::ALL {
            for sidecar in [false, true] {
                self.live_with(generation, Restarts { operator: None, both: false, sidecar }).await;
            }
        }
    }

    /// With every release, and an operator whose memory is lost at every step.
    pub async fn live_with_crashes(&self) {
        let restarts = |operator| {
            let sidecars = [(false, false), (true, false), (false, true)];
            sidecars.map(|(both, sidecar)| Restarts { operator: Some(operator), both, sidecar })
        };
        let lives = Generation::ALL.into_iter().flat_map(|generation| {
            Crash::ALL.into_iter().flat_map(restarts).map(move |restarts| (generation, restarts))
        });
        let undisturbed = Restarts { operator: None, both: false, sidecar: false };
        for (generation, restarts) in share(lives, &self.spec.to_string()) {
            let expected = self.live_with(generation, undisturbed).await;
            let ends = self.live_with(generation, restarts).await;
            assert_eq!(ends, expected, "{generation}, {restarts:?}");
        }
    }

    /// The first plan, an update of image, peers and configuration, one of only peers and configuration, and a restarted
    /// sidecar. Returns what seid was started with.
    async fn live_with(&self, generation: Generation, restarts: Restarts) -> Vec<Configuration> {
        let story = format!("{generation}, {restarts:?}");
        let mut node = Node::new(&self.spec, generation);
        node.volume.restarts = restarts.sidecar;
        node.crashes = restarts.operator.map(|crash| Crashes::new(crash, restarts.both));
        node.until_ready(&format!("{story}, first plan")).await;
        let first = self.check(&node, &format!("{story}, first plan"));

        node.crashes.iter_mut().for_each(Crashes::again);
        configure(&mut node, 1);
        node.change(|node| node.spec.image = "seid:1".to_owned());
        node.until_ready(&format!("{story}, update")).await;
        assert_eq!(node.status().current_image.as_deref(), Some("seid:1"), "{story}, update");
        let second = self.check_configured(&node, 1, &format!("{story}, update"));

        node.crashes.iter_mut().for_each(Crashes::again);
        configure(&mut node, 2);
        node.change(|node| node.spec.config_rollout = Some(ConfigRollout::Immediate));
        node.until_ready(&format!("{story}, configuration")).await;
        let third = self.check_configured(&node, 2, &format!("{story}, configuration"));

        node.crashes.iter_mut().for_each(Crashes::again);
        node.volume.restart();
        node.volume.ask(None, jiff::Timestamp::UNIX_EPOCH).await;
        assert!(!node.volume.is_ready());
        for _ in 0..1000 {
            node.turn(None).await;
            if node.is_ready() && node.volume.is_ready() {
                break;
            }
        }
        assert!(node.is_ready() && node.volume.is_ready(), "{story}, mark-ready");
        let last = self.check_configured(&node, 2, &format!("{story}, mark-ready"));
        vec![first, second, third, last]
    }

    /// The seid of the node was started with what its spec says.
    pub fn check_configured(&self, node: &Node, change: u32, story: &str) -> Configuration {
        let configuration = self.check(node, story);
        let port = value(&configuration.app, "settings", "evm.http_port");
        assert_eq!(port, port_of(change), "{story}");
        assert!(
            node.status().condition(ConditionType::SpecHonored).is_none(),
            "{story}: {:#?}",
            node.status()
        );
        configuration
    }

    fn check(&self, node: &Node, story: &str) -> Configuration {
        assert!(node.volume.repeated.is_empty(), "{story}: {:#?}", node.volume.repeated);
        let Started { pod, mut config, app } = node.volume.started().unwrap();
        assert_eq!(node.pod.as_ref().map(|(uid, _)| uid), Some(&pod), "{story}: seid does not run");
        let syncs = config.get("statesync").and_then(|section| section.get("enable")?.as_bool());
        assert_eq!(syncs, Some(self.syncs), "{story}: state sync");
        let peers = value(&config, "p2p", "persistent-peers");
        let expected = node.object.spec.peers.iter().flatten().find_map(|source| source.static_.as_ref());
        let expected = expected.map(|source| source.addresses[0].clone());
        assert!(expected.is_none_or(|peer| peers.contains(&peer)), "{story}: peers {peers:?}");
        assert!(value(&app, "settings", SPLIT) != "true" || !self.has_data, "{story}: its data is not split");
        // The RPC servers of state sync differ between runs.
        config.remove("statesync");
        Configuration { config, app }
    }
}

/// As many lives as fit in a test run, others for each `salt`; all of them with `PROPTEST_CASES`.
pub fn share<T>(lives: impl Iterator<Item = T>, salt: &str) -> impl Iterator<Item = T> {
    let step = if std::env::var_os("PROPTEST_CASES").is_some() { 1 } else { 37 };
    lives.skip(salt.len() % step).step_by(step)
}

/// The files that seid was started with.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    config: toml::Table,
    app: toml::Table,
}

fn value(table: &toml::Table, section: &str, key: &str) -> String {
    let found = table.get(section).and_then(|section| section.get(key)?.as_str());
    found.unwrap_or_default().to_owned()
}

fn port_of(change: u32) -> String {
    (9545 + change).to_string()
}

/// Changes an override, and the static peers if there are any.
pub fn configure(node: &mut Node, change: u32) {
    let peer = PEER.replace("peer.", &format!("peer-{change}."));
    node.change(|node| {
        let overrides = node.spec.overrides.get_or_insert_default();
        overrides.insert("evm.http_port".to_owned(), port_of(change));
        let sources = node.spec.peers.iter_mut().flatten();
        for PeerSource { static_, .. } in sources {
            static_.iter_mut().for_each(|source| source.addresses = vec![peer.clone()]);
        }
    });
}
