//! Random lives: specs, observations and outcomes in any order through `decide`, `advance` and the end of a
//! plan. No task runs before its plan is stored, no task that succeeded runs again, and a waiting node
//! reports what it waits for.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod clock;
mod configuration;
mod identities;
mod invalid;
mod life;
mod node_tasks;
mod obstacles;
mod overrides;
mod paused;
mod pods;
mod repairs;
mod running;
mod synced;

use jiff::SignedDuration;
use proptest::prelude::*;
use sei_api::{
    conditions::{ConditionType, ReadyReason},
    v1alpha1::NodePhase,
};
use sei_plan::Outcome;
use serde_json::{Value, json};

use life::{Forms, GOOD, Life};

fn specs() -> impl Strategy<Value = Value> {
    let key = |name: &str| json!({ "secret": { "secretName": name } });
    let bootstrap = json!({ "s3": { "targetHeight": 7 }, "bootstrapImage": "seid:old" });
    let publish = json!({ "tendermint": { "keepRecent": 3, "publish": {} } });
    let ceremony = json!({ "chainId": "c", "stakingAmount": "1usei", "accountBalance": "2usei", "index": 0 });
    let mode = prop::sample::select(vec![
        json!({ "fullNode": {} }),
        json!({ "fullNode": { "snapshot": bootstrap, "snapshotGeneration": publish } }),
        json!({ "archive": { "snapshotGeneration": publish } }),
        json!({ "validator": { "signingKey": key("s"), "nodeKey": key("n") } }),
        json!({ "validator": { "genesisCeremony": ceremony } }),
    ]);
    (mode, any::<bool>(), any::<bool>()).prop_map(|(mode, tls, import)| {
        let peers = json!([{ "static": { "addresses": ["0123456789abcdef0123456789abcdef01234567@b:1"] } }]);
        let mut spec = json!({ "chainId": "c", "image": "seid:0", "peers": peers });
        spec.as_object_mut().unwrap().extend(mode.as_object().unwrap().clone());
        if tls {
            spec["sidecar"] = json!({ "tls": { "secretName": "t" } });
        }
        if import {
            spec["dataVolume"] = json!({ "import": { "pvcName": "old" } });
        }
        spec
    })
}

#[derive(Clone, Debug)]
enum Event {
    Image(u8),
    Override(&'static str),
    BootstrapImage(Option<&'static str>),
    Retry(u8),
    Time(u16),
    Pause(bool),
    /// This many SeiNodeTasks have not finished.
    Tasks(u8),
    See(Forms),
    Pass(Vec<Outcome>),
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let waiting = Outcome::Waiting { reason: ReadyReason::WaitingForPod, detail: "a pod".to_owned() };
    prop_oneof![
        10 => Just(Outcome::Done),
        2 => Just(Outcome::Requested),
        2 => Just(Outcome::Submitted),
        2 => Just(Outcome::Running),
        2 => Just(waiting),
        2 => Just(Outcome::AttemptFailed { error: "boom".to_owned() }),
        1 => Just(Outcome::TaskUnknown { error: "unknown task type: x".to_owned() }),
        1 => Just(Outcome::Reissue),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let forms = (0..6_usize, 0..3_usize, any::<bool>(), 0..4_usize, 0..4_usize, 0..4_usize, 0..4_usize);
    let forms = forms.prop_map(|(tls, finding, rival, stateful_set, pod, job, health)| Forms {
        tls,
        finding,
        rival,
        stateful_set,
        pod,
        job,
        health,
    });
    let bootstrap = prop::sample::select(vec![None, Some("seid:old"), Some("seid:older")]);
    let event = prop_oneof![
        1 => (0u8..3).prop_map(Event::Image),
        1 => prop::sample::select(vec!["8545", "no number"]).prop_map(Event::Override),
        1 => bootstrap.prop_map(Event::BootstrapImage),
        1 => (0u8..4).prop_map(Event::Retry),
        1 => any::<bool>().prop_map(Event::Pause),
        2 => (0u8..3).prop_map(Event::Tasks),
        2 => (0u16..4000).prop_map(Event::Time),
        2 => forms.prop_map(Event::See),
        1 => Just(Event::See(GOOD)),
        12 => prop::collection::vec(outcomes(), 0..6).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 0..100)
}

proptest! {
    #[test]
    fn every_node_advances_or_reports_what_it_is_waiting_for(spec in specs(), events in events()) {
        let mut life = Life::new(spec);
        for event in events {
            match event {
                Event::Image(which) => life.change(|node| node.spec.image = format!("seid:{which}")),
                Event::Override(port) => life.change(|node| {
                    let overrides = node.spec.overrides.get_or_insert_default();
                    overrides.insert("evm.http_port".to_owned(), port.to_owned());
                }),
                Event::BootstrapImage(image) => life.change(|node| {
                    let snapshot = node.spec.full_node.as_mut().and_then(|full| full.snapshot.as_mut());
                    if let Some(snapshot) = snapshot {
                        snapshot.bootstrap_image = image.map(str::to_owned);
                    }
                }),
                Event::Retry(value) => life.retry(&value.to_string()),
                Event::Pause(paused) => life.change(|node| node.spec.paused = Some(paused)),
                Event::Tasks(count) => {
                    life.tasks =
                        (0..count).map(|index| node_tasks::task(&index.to_string(), index, "Running")).collect();
                }
                Event::Time(seconds) => life.now += SignedDuration::from_secs(seconds.into()),
                Event::See(forms) => life.forms = forms,
                Event::Pass(outcomes) => {
                    life.pass(outcomes, &Outcome::Running)?;
                }
            }
        }
        // From any state: when everything is healthy and a retry is requested, the node reaches Running
        // according to its spec.
        life.forms = GOOD;
        life.tasks.clear();
        life.change(|node| {
            node.spec.overrides = None;
            node.spec.paused = None;
        });
        life.retry("the last");
        for _ in 0..60 {
            if !life.pass(Vec::new(), &Outcome::Done)? {
                break;
            }
            life.now += SignedDuration::from_secs(600);
        }
        let status = life.node.status.as_ref().unwrap();
        prop_assert_eq!(status.phase, Some(NodePhase::Running));
        prop_assert_eq!(status.current_image.as_deref(), Some(life.node.spec.image.as_str()));
        prop_assert_eq!(&status.condition(ConditionType::Ready).unwrap().reason, ReadyReason::NodeReady.as_str());
    }
}
