//! Random specs, outcomes and spec changes.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;
use sei_api::{
    conditions::ReadyReason,
    v1alpha1::{NodePhase, PlanPhase, TaskStatus},
};
use sei_plan::{OfKind, Outcome, Step, TaskKind};
use serde_json::{Value, json};

use crate::world::World;

fn specs() -> impl Strategy<Value = Value> {
    let key = json!({ "secret": { "secretName": "s" } });
    let s3 = json!({ "s3": { "targetHeight": 7 }, "bootstrapImage": "seid:old" });
    let ceremony = json!({ "chainId": "c", "stakingAmount": "1usei", "accountBalance": "2usei", "index": 0 });
    let publish = json!({ "tendermint": { "keepRecent": 3, "publish": {} } });
    let modes = prop::sample::select(vec![
        json!({ "fullNode": {} }),
        json!({ "fullNode": { "snapshot": { "stateSync": {} } } }),
        json!({ "fullNode": { "snapshot": s3, "snapshotGeneration": publish } }),
        json!({ "archive": {} }),
        json!({ "archive": { "snapshotGeneration": publish } }),
        json!({ "replayer": { "snapshot": s3 } }),
        json!({ "validator": {} }),
        json!({ "validator": { "signingKey": key, "nodeKey": key } }),
        json!({ "validator": { "genesisCeremony": ceremony } }),
    ]);
    let peers = prop::sample::select(vec![
        json!([]),
        json!([{ "static": { "addresses": ["0123456789abcdef0123456789abcdef01234567@b:1"] } }]),
    ]);
    (modes, peers, any::<bool>()).prop_map(|(mode, peers, tls)| {
        let mut spec = json!({ "chainId": "c", "image": "seid:a", "peers": peers });
        spec.as_object_mut().unwrap().extend(mode.as_object().unwrap().clone());
        if tls {
            spec["sidecar"] = json!({ "tls": { "secretName": "t" } });
        }
        spec
    })
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let waiting = Outcome::Waiting { reason: ReadyReason::WaitingForPod, detail: "a pod".to_owned() };
    prop_oneof![
        8 => Just(Outcome::Done),
        2 => Just(Outcome::Requested),
        2 => Just(Outcome::Submitted),
        2 => Just(Outcome::Running),
        1 => Just(waiting),
        2 => Just(Outcome::AttemptFailed { error: "boom".to_owned() }),
        1 => Just(Outcome::Rejected { error: "never".to_owned() }),
        1 => Just(Outcome::Reissue),
    ]
}

#[derive(Clone, Debug)]
enum Event {
    Step(Outcome),
    Image(u8),
    Retry(u8),
    Pass(u16),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        12 => outcomes().prop_map(Event::Step),
        1 => (0u8..3).prop_map(Event::Image),
        1 => any::<u8>().prop_map(Event::Retry),
        2 => (0u16..600).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 0..120)
}

proptest! {
    #[test]
    fn every_plan_ends_or_waits_and_repeats_no_work(spec in specs(), events in events()) {
        let mut world = World::new(spec);
        // IDs of tasks that succeeded: none may ever run again. An upload has one ID for the life of its
        // volume.
        let mut done = BTreeSet::new();
        for event in events {
            world.propose();
            match event {
                Event::Image(which) => {
                    let image = format!("seid:{which}");
                    if world.node.spec.image != image {
                        world.change_spec(|node| node.spec.image = image);
                    }
                }
                Event::Retry(value) => world.ask_for_retry(&value.to_string()),
                Event::Pass(seconds) => world.pass(Duration::from_secs(seconds.into())),
                Event::Step(outcome) => {
                    let mut ran = None;
                    let stored = world.plan();
                    let succeeded = outcome == Outcome::Done;
                    world.step(|plan| {
                        let once = plan.current().filter(|(_, task)| !task.is(TaskKind::SnapshotUpload));
                        ran = once.map(|(_, task)| task.id.clone());
                        outcome
                    });
                    if let Some(id) = ran {
                        let stored = stored.unwrap();
                        prop_assert!(stored.tasks.iter().any(|task| task.id == id), "ran before it was stored");
                        prop_assert!(!done.contains(&id), "{id} ran after it had succeeded");
                        if succeeded {
                            done.insert(id);
                        }
                    }
                }
            }
            consistent(&world)?;
        }
        // From any state: if everything succeeds from now on, the node reaches Running with the image of its spec.
        world.ask_for_retry("the last");
        for _ in 0..400 {
            let proposed = world.propose();
            match world.step(|_| Outcome::Done) {
                Some(Step::Later(delay)) => world.pass(delay),
                Some(_) => {}
                None if proposed => {}
                None => break,
            }
        }
        let status = world.node.status.as_ref().unwrap();
        prop_assert_eq!(status.phase, Some(NodePhase::Running));
        prop_assert_eq!(status.current_image.as_deref(), Some(world.node.spec.image.as_str()));
    }
}

/// Invariants of every stored plan.
fn consistent(world: &World) -> Result<(), TestCaseError> {
    let Some(plan) = world.plan() else { return Ok(()) };
    let failed = plan.tasks.iter().filter(|task| task.status == TaskStatus::Failed).count();
    prop_assert_eq!(failed > 0, plan.phase == PlanPhase::Failed, "a plan with a failed task has failed");
    prop_assert_eq!(
        plan.failed_task_detail.is_some(),
        plan.phase == PlanPhase::Failed,
        "with the details of the failure"
    );
    let ids: BTreeSet<_> = plan.tasks.iter().map(|task| &task.id).collect();
    prop_assert_eq!(ids.len(), plan.tasks.len(), "task IDs are unique");
    for task in &plan.tasks {
        let retries = task.retry_count.unwrap_or(0);
        prop_assert!(retries <= task.max_retries.unwrap_or(0), "{} within its retry budget", task.type_);
    }
    Ok(())
}
