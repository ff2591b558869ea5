//! The genesis ceremony of a group with every release of the sidecar: one genesis, with all that was asked for, whenever the
//! operator and the sidecars restart.

mod group;
mod random;
#[path = "../../../../deployment/tests/lives/world/server_side_apply.rs"]
mod server_side_apply;

use sei_api::{conditions::is_true, deployment_conditions::ConditionType};
use sei_testkit::sidecar::{Generation, node_key};
use serde_json::{Value, json};

use crate::{
    crash::{Crash, Crashes},
    life::share,
    sidecar::CHAIN,
};

use self::group::Group;

/// How many passes a ceremony may take.
const PASSES: usize = 2000;

/// `spec.genesis`, with and without what only later releases honor.
fn genesis(has_overrides: bool) -> Value {
    let account = json!({ "address": "sei1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnw6qvhc", "balance": "5usei" });
    // Passes take minutes.
    let mut genesis = json!({ "chainId": CHAIN, "accounts": [account], "maxCeremonyDuration": "100000h" });
    if has_overrides {
        genesis["overrides"] = json!({ "staking.params.max_validators": "50" });
    }
    genesis
}

impl Group {
    pub fn is_complete(&self) -> bool {
        let status = self.object.status.as_ref();
        is_true(status.and_then(|status| status.condition(ConditionType::GenesisCeremonyComplete)))
    }

    /// Why it is stalled.
    fn stalled(&self) -> Option<String> {
        let stalled = self.object.status.as_ref()?.condition(ConditionType::Stalled)?;
        is_true(Some(stalled)).then(|| format!("{}: {}", stalled.reason, stalled.message))
    }

    /// Passes until something holds.
    pub async fn until(&mut self, holds: fn(&Self) -> bool, story: &str) {
        for _ in 0..PASSES {
            self.turn(None).await;
            for node in self.members.values_mut() {
                node.turn(None).await;
            }
            if holds(self) {
                return;
            }
        }
        let nodes: Vec<_> = self.members.values().map(|node| node.status()).collect();
        panic!("{story}: never over: {:#?}\n{nodes:#?}", self.status());
    }

    /// One genesis was assembled, of all validators, and they run with it.
    pub fn check(&self, story: &str) {
        assert!(self.is_complete(), "{story}: {:#?}", self.status());
        let versions = self.bucket.versions(&format!("{CHAIN}/genesis.json"));
        let genesis = versions.last().unwrap();
        assert!(
            versions.iter().all(|version| version == genesis),
            "{story}: {} are different",
            versions.len()
        );
        let text = String::from_utf8(genesis.clone()).unwrap();
        let genesis: Value = serde_json::from_str(&text).unwrap();
        let ids: Vec<_> =
            self.members.values().map(|node| node_key::id(&node.volume.home).unwrap()).collect();
        let gentxs: Vec<_> =
            genesis["gentxs"].as_array().unwrap().iter().map(|it| it["nodeId"].clone()).collect();
        assert_eq!(json!(gentxs), json!(ids), "{story}");
        assert_eq!(
            genesis["accounts"],
            json!(self.object.spec.genesis.as_ref().unwrap().accounts),
            "{story}"
        );
        let overrides = self.object.spec.genesis.as_ref().unwrap().overrides.is_some();
        assert_eq!(genesis["overrides"]["staking.params.max_validators"] == json!(50), overrides, "{story}");
        for (name, node) in &self.members {
            let volume = &node.volume;
            assert!(volume.repeated.is_empty(), "{story}, {name}: {:#?}", volume.repeated);
            assert_eq!(
                volume.home.read("config/genesis.json").unwrap().as_ref(),
                Some(&text),
                "{story}, {name}"
            );
            let started = volume.started().unwrap();
            assert_eq!(node.pod.as_ref().map(|(uid, _)| uid), Some(&started.pod), "{story}, {name}");
            let peers = started.config["p2p"]["persistent-peers"].as_str().unwrap();
            let own = node_key::id(&volume.home).unwrap();
            let others: Vec<_> = ids.iter().filter(|id| **id != own).collect();
            assert!(others.iter().all(|id| peers.contains(*id)), "{story}, {name}: {peers}");
        }
        let assemblies = self.members.values().flat_map(|node| node.volume.records());
        let assemblies = assemblies.filter(|record| record.type_ == "assemble-and-upload-genesis").count();
        assert_eq!(assemblies, 1, "{story}");
    }
}

/// Every release, crash, restart of sidecars, and operator with and without credentials for the bucket.
fn lives(has_overrides: bool) -> impl Iterator<Item = Life> {
    let crashes = || [None].into_iter().chain(Crash::ALL.map(Some));
    let sidecars = [(false, false), (true, false), (false, true)];
    let restarts = move || crashes().flat_map(move |crash| sidecars.map(|sidecar| (crash, sidecar)));
    Generation::ALL.into_iter().flat_map(move |generation| {
        let restarts = restarts().flat_map(|restarts| [(restarts, false), (restarts, true)]);
        restarts.map(move |((crash, (both, ends_early)), has_credentials)| Life {
            generation,
            crash,
            both,
            ends_early,
            has_credentials,
            has_overrides,
        })
    })
}

#[derive(Clone, Copy, Debug)]
struct Life {
    generation: Generation,
    /// Where the operator crashes, at every step.
    crash: Option<Crash>,
    /// Whether the sidecars restart with it.
    both: bool,
    /// Whether sidecars end as soon as they have accepted a task.
    ends_early: bool,
    has_credentials: bool,
    has_overrides: bool,
}

impl Life {
    fn begin(self) -> Group {
        let mut group = Group::new(&genesis(self.has_overrides), self.generation, self.has_credentials);
        group.crashes = self.crash.map(|crash| Crashes::new(crash, self.both));
        group.ends_early = self.ends_early;
        group
    }
}

#[tokio::test(start_paused = true)]
async fn a_genesis_is_assembled_once_whatever_restarts() {
    for life in share(lives(false).chain(lives(true)), "") {
        if life.has_overrides && life.generation < Generation::V50 {
            continue;
        }
        let (mut group, story) = (life.begin(), format!("{life:?}"));
        group.until(Group::is_complete, &story).await;
        group.check(&story);
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_without_overrides_assembles_no_genesis_until_it_is_replaced() {
    for life in share(lives(true).filter(|life| life.generation < Generation::V50), "") {
        let (mut group, story) = (life.begin(), format!("{life:?}"));
        group.until(|group| group.stalled().is_some(), &story).await;
        let stalled = group.stalled().unwrap();
        assert!(stalled.starts_with("AssemblyFailed: "), "{story}: {stalled}");
        assert!(
            stalled.contains("set template.spec.sidecar.image to v0.0.50 or later"),
            "{story}: {stalled}"
        );
        for object in ["genesis.json", "peers.json"] {
            assert!(!group.bucket.has(&format!("{CHAIN}/{object}")), "{story}: {object}");
        }
        // A user does what it says.
        group.members.values_mut().for_each(|node| node.volume.replace(Generation::V50));
        group.retry("1");
        group.until(Group::is_complete, &story).await;
        group.check(&story);
    }
}
