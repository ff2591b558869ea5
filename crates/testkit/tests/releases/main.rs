//! Every plan of every mode and every operation with every release of the sidecar, without interruption and with an operator
//! and a sidecar that restart in the middle of tasks.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod node;
mod operations;
mod sidecar;

use sei_api::conditions::ConditionType;
use sei_testkit::sidecar::Generation;
use serde_json::{Value, json};

use node::Node;

const PEER: &str = "0123456789abcdef0123456789abcdef01234567@peer.example:26656";
/// Its default splits the EVM store since v0.0.67.
const SPLIT: &str = "storage.state_store.evm_ss_split";

/// A mode, and what its configuration must be.
struct Case {
    spec: Value,
    /// Whether seid starts with state sync.
    syncs: bool,
    /// Whether its volume may have data, which is not split.
    has_data: bool,
}

impl Case {
    fn new(mode: Value) -> Self {
        let peers = json!([{ "static": { "addresses": [PEER] } }]);
        let mut spec = json!({ "chainId": "devnet-1", "image": "seid:0", "peers": peers });
        spec.as_object_mut().unwrap().extend(mode.as_object().unwrap().clone());
        Self { spec, syncs: false, has_data: false }
    }

    fn syncs(self) -> Self {
        Self { syncs: true, ..self }
    }

    fn has_data(self) -> Self {
        Self { has_data: true, ..self }
    }

    /// The first plan, an update of image and configuration, one of the configuration alone, and a restarted sidecar, with
    /// every release.
    async fn live(&self) {
        for generation in Generation::ALL {
            for restarts in [false, true] {
                let story = format!("{generation}, {}", if restarts { "restarts" } else { "no restart" });
                self.live_with(generation, restarts, &story).await;
            }
        }
    }

    async fn live_with(&self, generation: Generation, restarts: bool, story: &str) {
        let mut node = Node::new(&self.spec, generation);
        node.volume.restarts = restarts;
        node.until_ready(&format!("{story}, first plan")).await;
        self.check(&node, &format!("{story}, first plan"));

        set_port(&mut node, "9545");
        node.change(|node| node.spec.image = "seid:1".to_owned());
        let story_of_update = format!("{story}, update");
        node.until_ready(&story_of_update).await;
        assert_eq!(node.status().current_image.as_deref(), Some("seid:1"), "{story_of_update}");
        self.check_port(&node, "9545", &story_of_update);

        set_port(&mut node, "9546");
        node.change(|node| node.spec.config_rollout = Some(sei_api::v1alpha1::ConfigRollout::Immediate));
        let story_of_change = format!("{story}, configuration");
        node.until_ready(&story_of_change).await;
        self.check_port(&node, "9546", &story_of_change);

        node.volume.restart();
        node.volume.ask(None, jiff::Timestamp::UNIX_EPOCH).await;
        assert!(!node.volume.known.says(sei_decide::Health::Ready));
        node.until_ready(&format!("{story}, mark-ready")).await;
        assert!(node.volume.known.says(sei_decide::Health::Ready), "{story}, mark-ready");
        self.check(&node, &format!("{story}, mark-ready"));
    }

    fn check_port(&self, node: &Node, port: &str, story: &str) {
        let found = node.volume.app("evm.http_port");
        assert_eq!(found.as_ref().and_then(toml::Value::as_str), Some(port), "{story}");
        assert!(
            node.status().condition(ConditionType::SpecHonored).is_none(),
            "{story}: {:#?}",
            node.status()
        );
        self.check(node, story);
    }

    fn check(&self, node: &Node, story: &str) {
        let volume = &node.volume;
        let syncs = volume.config("statesync", "enable").and_then(|value| value.as_bool());
        assert_eq!(syncs, Some(self.syncs), "{story}: state sync");
        let peers = volume.config("p2p", "persistent-peers");
        let peers = peers.as_ref().and_then(toml::Value::as_str).unwrap_or_default();
        assert!(node.object.spec.peers.is_none() || peers.contains(PEER), "{story}: peers {peers:?}");
        let split = volume.app(SPLIT).is_some_and(|value| value.as_str() == Some("true"));
        assert!(!split || !self.has_data, "{story}: its data is not split");
    }
}

fn set_port(node: &mut Node, port: &str) {
    node.change(|node| {
        node.spec.overrides.get_or_insert_default().insert("evm.http_port".to_owned(), port.to_owned());
    });
}

/// Time is paused: no test waits for a task.
macro_rules! modes {
    ($($(#[$doc:meta])* $name:ident: $case:expr,)+) => {
        $($(#[$doc])* #[tokio::test(start_paused = true)]
        async fn $name() {
            $case.live().await;
        })+
    };
}

fn publish() -> Value {
    json!({ "tendermint": { "keepRecent": 3, "publish": {} } })
}

fn s3() -> Value {
    json!({ "s3": { "targetHeight": 7 } })
}

fn key(name: &str) -> Value {
    json!({ "secret": { "secretName": name } })
}

modes! {
    full: Case::new(json!({ "fullNode": {} })),
    full_with_tls: Case::new(json!({
        "fullNode": {}, "sidecar": { "image": "seictl:main", "tls": { "secretName": "t" } },
    })),
    full_that_syncs: Case::new(json!({ "fullNode": { "snapshot": { "stateSync": {} } } })).syncs(),
    full_that_restores_and_publishes:
        Case::new(json!({ "fullNode": { "snapshot": s3(), "snapshotGeneration": publish() } })).syncs(),
    full_with_bootstrap: Case::new(json!({
        "fullNode": { "snapshot": { "s3": { "targetHeight": 7 }, "bootstrapImage": "seid:old" } },
    })),
    full_on_an_imported_volume:
        Case::new(json!({ "fullNode": {}, "dataVolume": { "import": { "pvcName": "old" } } })).has_data(),
    full_with_instances_of_ec2: Case::new(json!({ "fullNode": {}, "peers": [
        { "static": { "addresses": [PEER] } },
        { "ec2Tags": { "region": "eu-central-1", "tags": { "chain": "devnet-1" } } },
    ] })),
    archive_that_publishes: Case::new(json!({ "archive": { "snapshotGeneration": publish() } })),
    replayer: Case::new(json!({ "replayer": { "snapshot": s3() } })).syncs(),
    validator: Case::new(json!({ "validator": { "signingKey": key("s"), "nodeKey": key("n") } })),
    validator_that_syncs: Case::new(json!({ "validator": {
        "signingKey": key("s"), "nodeKey": key("n"), "snapshot": { "stateSync": {} },
    } })).syncs(),
    validator_of_a_ceremony: Case::new(json!({ "peers": null, "validator": { "genesisCeremony": {
        "chainId": "devnet-1", "stakingAmount": "1usei", "accountBalance": "2usei", "index": 0,
    } } })),
}
