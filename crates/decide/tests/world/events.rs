//! What disturbs the nodes, and in which clusters.

use jiff::SignedDuration;
use proptest::prelude::*;
use sei_decide::neighbours::Peers;
use serde_json::{Value, json};

use crate::{
    member::{Fault, Member},
    operator::World,
};

pub const PEER: &str = "0123456789abcdef0123456789abcdef01234567@b:1";

/// What label sources find.
pub fn peers(known: bool) -> Peers {
    let silent = Peers { silent: vec!["b".to_owned()], ..Peers::default() };
    if known { Peers { addresses: vec![PEER.to_owned()], ..Peers::default() } } else { silent }
}

pub fn specs() -> impl Strategy<Value = Vec<Value>> {
    let key = |name: &str| json!({ "secret": { "secretName": name } });
    let keys = json!({ "signingKey": key("s"), "nodeKey": key("n") });
    let bootstrap = json!({ "s3": { "targetHeight": 7 }, "bootstrapImage": "seid:old" });
    let publish = json!({ "tendermint": { "keepRecent": 3, "publish": {} } });
    let by_label = json!([{ "label": { "selector": { "chain": "c" } } }]);
    let ceremony = json!({ "chainId": "c", "stakingAmount": "1usei", "accountBalance": "2usei", "index": 0 });
    let modes = prop::sample::select(vec![
        vec![json!({ "fullNode": {} })],
        vec![json!({ "fullNode": { "snapshot": { "stateSync": {} } } })],
        vec![json!({ "fullNode": { "snapshot": { "s3": { "targetHeight": 7 } } } })],
        vec![json!({ "fullNode": { "snapshot": bootstrap, "snapshotGeneration": publish } })],
        vec![json!({ "archive": { "snapshotGeneration": publish } })],
        vec![json!({ "validator": { "genesisCeremony": ceremony } })],
        vec![json!({ "validator": keys }), json!({ "validator": keys })],
        vec![json!({ "fullNode": {}, "dataVolume": { "import": { "pvcName": "old" } } })],
        // Nodes that select each other, and one that selects no one.
        vec![json!({ "fullNode": {}, "peers": by_label }), json!({ "archive": {}, "peers": by_label })],
        vec![
            json!({ "fullNode": { "snapshot": { "stateSync": {} } }, "peers": by_label }),
            json!({ "fullNode": {} }),
        ],
    ]);
    (modes, any::<bool>(), any::<bool>()).prop_map(|(modes, has_tls, is_immediate)| {
        let peers = json!([{ "static": { "addresses": [PEER] } }]);
        let mut common = json!({ "chainId": "c", "image": "seid:0", "peers": peers });
        if has_tls {
            common["sidecar"] = json!({ "tls": { "secretName": "t" } });
        }
        if is_immediate {
            common["configRollout"] = json!("Immediate");
        }
        let spec = |mode: Value| {
            let mut spec = common.clone();
            spec.as_object_mut().unwrap().extend(mode.as_object().unwrap().clone());
            spec
        };
        modes.into_iter().map(spec).collect()
    })
}

#[derive(Clone, Copy, Debug)]
pub enum Event {
    Image(u8),
    Override(u8),
    SidecarImage(u8),
    Retry(u8),
    KillPod,
    HoldPods(bool),
    DeleteClaim,
    /// Whether the imported claim and the TLS Secret can be used.
    References(bool),
    /// An empty claim takes the place of an imported one that is gone.
    ReplaceImport,
    DeleteStatefulSet,
    DeleteJob,
    EvictJob,
    Recreate,
    RestartSidecar,
    /// A sidecar of an old release marks its running tasks as failed.
    CancelSidecar,
    FailTasks,
    /// An empty claim replaces an imported one that was deleted.
    Peers(bool),
    Fault(Fault),
    /// Another process of the operator takes over.
    Crash,
    /// A cache, and for how many passes it lags.
    Lag(u8, u32),
    Time(u16),
    Settle,
    Work,
    Query,
    Pass,
    /// Progress without disturbance.
    Go(u8),
}

pub fn event() -> impl Strategy<Value = (usize, Event)> {
    let fault = prop::sample::select(vec![Fault::Lost, Fault::Unanswered]);
    let event = prop_oneof![
        2 => (0..3u8).prop_map(Event::Image),
        2 => (0..3u8).prop_map(Event::Override),
        1 => (0..2u8).prop_map(Event::SidecarImage),
        1 => (0..3u8).prop_map(Event::Retry),
        2 => Just(Event::KillPod),
        1 => any::<bool>().prop_map(Event::HoldPods),
        1 => Just(Event::DeleteClaim),
        1 => Just(Event::ReplaceImport),
        1 => any::<bool>().prop_map(Event::References),
        1 => Just(Event::DeleteStatefulSet),
        1 => Just(Event::DeleteJob),
        1 => Just(Event::EvictJob),
        1 => Just(Event::Recreate),
        2 => Just(Event::RestartSidecar),
        1 => Just(Event::CancelSidecar),
        1 => Just(Event::FailTasks),
        2 => any::<bool>().prop_map(Event::Peers),
        3 => fault.prop_map(Event::Fault),
        2 => Just(Event::Crash),
        3 => (0..8u8, 1..6u32).prop_map(|(cache, passes)| Event::Lag(cache, passes)),
        2 => (0..400u16).prop_map(Event::Time),
        4 => Just(Event::Settle),
        4 => Just(Event::Work),
        4 => Just(Event::Query),
        6 => Just(Event::Pass),
        8 => (1..8u8).prop_map(Event::Go),
    ];
    (0..2usize, event)
}

impl World {
    pub fn take(&mut self, index: usize, event: Event) -> Result<(), TestCaseError> {
        let now = self.now;
        let member = &mut self.members[index];
        match event {
            Event::Image(which) => member.change(|node| node.spec.image = format!("seid:{which}")),
            Event::Override(port) => member.change(|node| {
                let overrides = node.spec.overrides.get_or_insert_default();
                overrides.insert("evm.http_port".to_owned(), format!("854{port}"));
            }),
            Event::SidecarImage(which) => member.change(|node| {
                let sidecar = node.spec.sidecar.get_or_insert_default();
                sidecar.image = Some(format!("seictl:v0.0.{}", 61 + which));
            }),
            Event::Retry(value) => member.retry(&value.to_string()),
            Event::KillPod => member.objects.delete_pod(now),
            Event::HoldPods(holds) => member.objects.holds_pods = holds,
            Event::DeleteClaim => member.objects.delete_claim(now),
            Event::ReplaceImport => member.objects.replace_import(),
            Event::References(are_usable) => member.objects.references = are_usable,
            Event::DeleteStatefulSet => member.objects.stateful_set.live = None,
            Event::DeleteJob => member.objects.delete_job(now),
            Event::EvictJob => member.objects.end_job("Failed", "evicted"),
            Event::Recreate => member.recreate(now),
            Event::RestartSidecar => member.objects.ready = None,
            Event::CancelSidecar => {
                member.objects.ready = None;
                member.objects.fail_tasks("context canceled");
            }
            Event::FailTasks => member.objects.fail_tasks("no answer from S3"),
            Event::Peers(known) => self.peers = peers(known),
            Event::Crash => member.crash(),
            Event::Fault(fault) => member.faults.push(fault),
            Event::Lag(cache, passes) => member.lag(cache, passes),
            Event::Time(seconds) => self.now += SignedDuration::from_secs(seconds.into()),
            Event::Settle => member.settle(now),
            Event::Work => member.work()?,
            Event::Query => member.actor.ask(&mut member.objects, now),
            Event::Pass => drop(self.pass(index)?),
            Event::Go(rounds) => {
                for _ in 0..rounds {
                    self.go(index)?;
                }
            }
        }
        self.holds()
    }
}

impl Member {
    /// The next passes observe the cache in its current state.
    pub fn lag(&mut self, cache: u8, passes: u32) {
        match cache {
            0 => self.node.lag(passes),
            1 => self.objects.stateful_set.lag(passes),
            2 => self.objects.service.lag(passes),
            3 => self.objects.job.lag(passes),
            4 => self.objects.pod.lag(passes),
            5 => self.objects.bootstrap_pod.lag(passes),
            6 => self.objects.config_map.lag(passes),
            _ => self.objects.claim.lag(passes),
        }
    }
}
