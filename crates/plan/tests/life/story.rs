//! Complete lives of plans as readable traces.

use std::fmt::Write;

use sei_api::v1alpha1::TaskStatus;
use sei_plan::{Outcome, Step};
use serde_json::{Value, json};

use crate::world::World;

/// Runs plans until they end. `trouble` has one-off outcomes by task type.
fn live(world: &mut World, trace: &mut String, mut trouble: Vec<(&str, Outcome)>) {
    while world.propose() {
        let plan = world.plan().unwrap();
        let kept = plan.tasks.iter().filter(|task| task.status == TaskStatus::Complete).count();
        writeln!(trace, "plan of {} tasks, {kept} already done", plan.tasks.len()).unwrap();
        loop {
            let mut said = String::new();
            let step = world.step(|plan| {
                let (index, task) = plan.current().unwrap();
                let place = trouble.iter().position(|(type_, _)| *type_ == task.type_);
                let outcome = place.map_or(Outcome::Done, |place| trouble.remove(place).1);
                said = format!("  {:>2} {:<26} {}", index + 1, task.type_, words(&outcome));
                outcome
            });
            match step {
                None => break,
                Some(Step::Later(delay)) => {
                    if !said.is_empty() {
                        writeln!(trace, "{said}, again in {} s", delay.as_secs_f64()).unwrap();
                    }
                    world.pass(delay);
                }
                Some(step) => {
                    writeln!(trace, "{said}").unwrap();
                    if step == Step::Ended {
                        break;
                    }
                }
            }
        }
        let status = world.node.status.as_ref().unwrap();
        let plan = status.plan.as_ref().unwrap();
        writeln!(trace, "plan {:?}, node {:?}", plan.phase, status.phase.unwrap()).unwrap();
    }
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::AttemptFailed { error } => format!("failed: {error}"),
        Outcome::Rejected { error } => format!("can never work: {error}"),
        Outcome::Waiting { detail, .. } => format!("waits: {detail}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn spec(more: Value) -> Value {
    let mut spec = json!({ "chainId": "arctic-1", "image": "seid:a" });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

fn failed(error: &str) -> Outcome {
    Outcome::AttemptFailed { error: error.to_owned() }
}

#[test]
fn a_tls_node_is_created_and_updated() {
    let mut world = World::new(spec(json!({ "fullNode": {}, "sidecar": { "tls": { "secretName": "t" } } })));
    let mut trace = String::new();
    live(&mut world, &mut trace, vec![("configure-genesis", failed("no such object"))]);
    world.change_spec(|node| node.spec.image = "seid:b".to_owned());
    writeln!(trace, "image b").unwrap();
    live(&mut world, &mut trace, vec![]);
    insta::assert_snapshot!(trace);
}

#[test]
fn a_restored_node_recovers_from_a_lost_bootstrap_job() {
    let snapshot =
        json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:old", "trustPeriod": "1h0m0s" });
    let peers = json!([{ "static": { "addresses": ["0123456789abcdef0123456789abcdef01234567@b:1"] } }]);
    let mut world = World::new(spec(json!({ "fullNode": { "snapshot": snapshot }, "peers": peers })));
    let mut trace = String::new();
    live(&mut world, &mut trace, vec![("await-bootstrap-complete", Outcome::JobLost)]);
    insta::assert_snapshot!(trace);
}

#[test]
fn a_failed_validator_recovers_after_a_retry() {
    let key = |name: &str| json!({ "secret": { "secretName": name } });
    let validator = json!({ "validator": { "signingKey": key("s"), "nodeKey": key("n") } });
    let mut world = World::new(spec(validator));
    let mut trace = String::new();
    let wrong =
        Outcome::Rejected { error: "Secret s: data key priv_validator_key.json is not JSON".to_owned() };
    live(&mut world, &mut trace, vec![("validate-signing-key", wrong)]);
    world.ask_for_retry("1");
    writeln!(trace, "sei.io/retry").unwrap();
    live(&mut world, &mut trace, vec![]);
    insta::assert_snapshot!(trace);
}

#[test]
fn a_member_of_a_genesis_ceremony_starts_with_the_genesis() {
    let ceremony =
        json!({ "chainId": "arctic-1", "stakingAmount": "10usei", "accountBalance": "20usei", "index": 0 });
    let mut world = World::new(spec(json!({ "validator": { "genesisCeremony": ceremony } })));
    let mut trace = String::new();
    let group = (0..3).map(|_| ("configure-genesis", failed("genesis.json is not there yet"))).collect();
    live(&mut world, &mut trace, group);
    insta::assert_snapshot!(trace);
}

#[test]
fn a_publisher_is_updated_twice_in_a_row() {
    let archive =
        json!({ "archive": { "snapshotGeneration": { "tendermint": { "keepRecent": 3, "publish": {} } } } });
    let mut world = World::new(spec(archive));
    let mut trace = String::new();
    live(&mut world, &mut trace, vec![]);
    world.change_spec(|node| node.spec.image = "seid:b".to_owned());
    world.propose();
    for _ in 0..3 {
        world.step(|_| Outcome::Done);
    }
    world.change_spec(|node| node.spec.image = "seid:c".to_owned());
    writeln!(trace, "image b, and after three tasks image c").unwrap();
    live(&mut world, &mut trace, vec![]);
    insta::assert_snapshot!(trace);
}

#[test]
fn a_failed_bootstrap_job_is_recreated_and_released_again() {
    let snapshot = json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:old" });
    let mut world = World::new(spec(json!({ "fullNode": { "snapshot": snapshot } })));
    let mut trace = String::new();
    let evicted = Outcome::Rejected { error: "bootstrap Job node-0-bootstrap failed: evicted".to_owned() };
    live(&mut world, &mut trace, vec![("await-bootstrap-complete", evicted)]);
    world.ask_for_retry("1");
    writeln!(trace, "sei.io/retry").unwrap();
    live(&mut world, &mut trace, vec![]);
    insta::assert_snapshot!(trace);
}

/// A bootstrap plan after `done` completed tasks, whose bootstrap image is then changed to `image`.
fn bootstrap_changed(done: usize, image: Option<&str>) -> String {
    let snapshot = json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:old" });
    let mut world = World::new(spec(json!({ "fullNode": { "snapshot": snapshot } })));
    let mut trace = String::new();
    world.propose();
    for _ in 0..done {
        world.step(|_| Outcome::Done);
    }
    world.change_spec(|node| {
        let snapshot = node.spec.full_node.as_mut().and_then(|full| full.snapshot.as_mut()).unwrap();
        snapshot.bootstrap_image = image.map(str::to_owned);
    });
    live(&mut world, &mut trace, vec![]);
    trace
}

#[test]
fn a_bootstrap_image_is_corrected_while_its_job_runs() {
    insta::assert_snapshot!(bootstrap_changed(9, Some("seid:older")));
}

#[test]
fn a_bootstrap_is_cancelled_while_its_job_runs() {
    insta::assert_snapshot!(bootstrap_changed(6, None));
}

#[test]
fn a_completed_bootstrap_is_not_repeated() {
    insta::assert_snapshot!(bootstrap_changed(10, None));
}

#[test]
fn a_bootstrap_is_not_started_for_a_node_that_has_a_pod() {
    let mut world =
        World::new(spec(json!({ "fullNode": { "snapshot": { "s3": { "targetHeight": 100 } } } })));
    world.propose();
    for _ in 0..2 {
        world.step(|_| Outcome::Done);
    }
    world.change_spec(|node| {
        let snapshot = node.spec.full_node.as_mut().and_then(|full| full.snapshot.as_mut()).unwrap();
        snapshot.bootstrap_image = Some("seid:old".to_owned());
    });
    world.propose();
    let tasks = world.plan().unwrap().tasks;
    assert!(tasks.iter().all(|task| !task.type_.contains("bootstrap")), "{tasks:?}");
}

#[test]
fn a_task_without_retry_budget_in_a_plan_of_the_go_controller_gets_the_default() {
    let mut world = World::new(spec(json!({ "fullNode": {} })));
    world.propose();
    for task in &mut world.node.status.as_mut().unwrap().plan.as_mut().unwrap().tasks {
        task.max_retries = None;
    }
    for _ in 0..4 {
        world.step(|_| Outcome::Done);
    }
    world.step(|_| failed("interrupted"));
    let task = world.plan().unwrap().tasks.remove(4);
    assert_eq!((task.type_.as_str(), task.retry_count, task.max_retries), ("config-apply", Some(1), Some(5)));
}
