//! Plans that replace others: completed work counts only for its volume and its sidecar, and a running task keeps its
//! ID.

use sei_api::v1alpha1::{TaskPlan, TaskStatus};
use sei_node::Node;
use sei_plan::{OfKind, Outcome, Persisted, Plan, PlanInputs, Step, TaskKind, build};
use serde_json::json;

use crate::{
    initializing::{restore, set_override, state_sync, statuses, task, up_to, world},
    world::World,
};

use TaskKind::{
    ConfigApply, ConfigValidate, ConfigureGenesis, ConfigureStateSync, MarkReady, SnapshotRestore,
    SnapshotUpload,
};
use TaskStatus::{Complete, Pending};

#[test]
fn work_on_another_volume_does_not_count() {
    let mut world = restore();
    up_to(&mut world, ConfigValidate);
    world.step(|_| Outcome::Rejected { error: "bad".to_owned() });
    world.inputs.claim_uid = Some("claim-2".to_owned());
    world.ask_for_retry("1");
    world.propose();
    let plan = world.plan().unwrap();
    assert!(plan.tasks.iter().all(|task| task.status == Pending), "{plan:?}");
    assert_eq!(plan.claim_uid.as_deref(), Some("claim-2"));
}

#[test]
fn ensure_data_pvc_detects_a_volume_that_was_replaced_unnoticed() {
    let mut world = restore();
    up_to(&mut world, ConfigValidate);
    // The cache still contains the deleted claim.
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, SnapshotRestore).status, Complete);
    world.inputs.claim_uid = Some("claim-2".to_owned());
    let step = world.step(|_| Outcome::DoneOn { uid: "claim-2".to_owned() });
    assert_eq!(step, Some(Step::Replan));
}

#[test]
fn a_task_that_runs_in_the_sidecar_keeps_its_id() {
    let mut world = restore();
    up_to(&mut world, SnapshotRestore);
    world.step(|_| Outcome::Submitted);
    let id = task(&world, SnapshotRestore).id;
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, SnapshotRestore).id, id, "the spec changed");
    assert!(task(&world, SnapshotRestore).submitted_at.is_some());
    // The bootstrap Job or pod failed during the task; the sidecar resumes it when it starts again.
    up_to(&mut world, SnapshotRestore);
    world.step(|_| Outcome::Rejected { error: "bootstrap Job failed: evicted".to_owned() });
    world.ask_for_retry("1");
    world.propose();
    assert_eq!(task(&world, SnapshotRestore).id, id, "the plan failed");
    // A task that the sidecar itself ended needs another ID.
    up_to(&mut world, SnapshotRestore);
    while world.step(|_| Outcome::AttemptFailed { error: "no snapshot".to_owned() }) != Some(Step::Ended) {
        world.pass(std::time::Duration::from_secs(600));
    }
    world.ask_for_retry("2");
    world.propose();
    assert_ne!(task(&world, SnapshotRestore).id, id);
}

#[test]
fn only_a_deleted_stateful_set_is_applied_again() {
    let mut world = state_sync();
    up_to(&mut world, ConfigValidate);
    world.change_spec(|node| node.spec.image = "seid:b".to_owned());
    world.propose();
    up_to(&mut world, TaskKind::ReplacePod);
    assert_eq!(world.step(|_| Outcome::Reissue), Some(Step::Replan));
    assert_eq!(
        statuses(&world, &[TaskKind::ApplyStatefulSet, ConfigureGenesis, ConfigApply, ConfigureStateSync]),
        [Pending, Complete, Complete, Complete]
    );
}

#[test]
fn a_task_whose_submission_was_not_recorded_keeps_its_id_when_the_job_fails() {
    let mut world = restore();
    up_to(&mut world, SnapshotRestore);
    let id = task(&world, SnapshotRestore).id;
    world.step(|_| Outcome::Requested);
    world.step(|_| Outcome::Rejected { error: "bootstrap Job failed: evicted".to_owned() });
    world.ask_for_retry("1");
    world.propose();
    assert_eq!(task(&world, SnapshotRestore).id, id);
}

#[test]
fn a_volume_has_one_upload_task_across_plans() {
    let publish =
        json!({ "archive": { "snapshotGeneration": { "tendermint": { "keepRecent": 3, "publish": {} } } } });
    let mut world = world(publish);
    let id = task(&world, SnapshotUpload).id;
    while world.step(|_| Outcome::Done).is_some_and(|step| step == Step::Next) {}
    let restarted = |world: &World, plan: &str| {
        let fresh = build::mark_ready(&Node::of(&world.node), plan);
        let plan = Plan::propose(fresh, &world.node, &world.inputs, world.now).into_stored();
        plan.tasks.into_iter().find(|task| task.is(SnapshotUpload)).unwrap().id
    };
    assert_eq!([restarted(&world, "p1"), restarted(&world, "p2")], [id.clone(), id.clone()]);
    // A task of the Go controller, whose ID was derived from its plan, keeps running.
    let plan = world.node.status.as_mut().unwrap().plan.as_mut().unwrap();
    plan.claim_uid = None;
    plan.tasks.iter_mut().find(|task| task.is(SnapshotUpload)).unwrap().id = "of-go".to_owned();
    assert_eq!(restarted(&world, "p3"), "of-go");
    // Another SeiNode on the same volume continues the upload; one on another volume has a separate upload.
    world.node.status = None;
    assert_eq!(restarted(&world, "p4"), id);
    world.inputs.claim_uid = Some("claim-2".to_owned());
    assert_ne!(restarted(&world, "p5"), id);
}

fn kinds(plan: &TaskPlan) -> Vec<TaskKind> {
    plan.tasks.iter().filter_map(OfKind::kind).collect()
}

#[test]
fn a_volume_that_holds_the_state_of_the_chain_is_only_configured() {
    let snapshot = json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:old" });
    let node =
        World::new(json!({ "chainId": "c", "image": "seid:a", "fullNode": { "snapshot": snapshot } })).node;
    let inputs = PlanInputs { has_state: true, has_config: true, ..PlanInputs::default() };
    let kinds = kinds(&build::init_on(&Node::of(&node), &inputs, "p"));
    assert!(kinds.contains(&ConfigApply) && kinds.contains(&MarkReady), "{kinds:?}");
    let plan = build::init_on(&Node::of(&node), &inputs, "p");
    let config = plan.tasks.iter().find(|task| task.is(ConfigApply)).unwrap().params.clone().unwrap();
    assert_eq!(
        (&config["incremental"], &config["overrides"]["state_sync.enable"]),
        (&json!(true), &json!("false"))
    );
    let other = PlanInputs { has_config: false, ..inputs };
    let plan = build::init_on(&Node::of(&node), &other, "p");
    let config = plan.tasks.iter().find(|task| task.is(ConfigApply)).unwrap().params.clone().unwrap();
    assert_eq!(
        (config.get("incremental"), &config["overrides"]["storage.state_store.evm_ss_split"]),
        (None, &json!("false")),
        "a configuration of another mode is rewritten, for data that is not split"
    );
    for gone in [SnapshotRestore, ConfigureStateSync, TaskKind::DeployBootstrapJob] {
        assert!(!kinds.contains(&gone), "{gone:?} in {kinds:?}");
    }
}

#[test]
fn an_unrecorded_bootstrap_is_complete_if_the_volume_is_initialized() {
    let snapshot = json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:old" });
    let mut world = world(json!({ "fullNode": { "snapshot": snapshot } }));
    up_to(&mut world, TaskKind::AwaitBootstrapComplete);
    world.inputs.has_state = true;
    let mut plan: Plan<Persisted> = Plan::load(&world.node).unwrap();
    plan.adopt(&world.inputs);
    assert!(plan.current().unwrap().1.is(TaskKind::TeardownBootstrap));
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    let done = |kind| task(&world, kind).status;
    assert_eq!(
        [done(TaskKind::DeployBootstrapJob), done(TaskKind::AwaitBootstrapComplete)],
        [Complete, Complete]
    );
}

#[test]
fn plans_without_identities_are_continued() {
    // As stored by the Go controller, and by versions of this operator that did not record identities.
    for (generation, created_at) in [(json!(null), json!(null)), (json!(1), json!("2027-01-01T00:00:00Z"))] {
        let mut world = restore();
        let tasks: Vec<_> = (world.plan().unwrap().tasks.iter().enumerate())
            .map(|(index, task)| {
                let status = if index < 4 { "Complete" } else { "Pending" };
                json!({ "type": task.type_, "id": task.id, "status": status, "params": task.params })
            })
            .collect();
        let plan = json!({
            "id": "p", "phase": "Active", "tasks": tasks, "targetPhase": "Running", "failedPhase": "Failed",
            "generation": generation, "createdAt": created_at,
        });
        world.node.status.as_mut().unwrap().plan = Some(serde_json::from_value(plan).unwrap());
        assert_eq!(world.step(|_| Outcome::Done), Some(Step::Next));
        let plan = world.plan().unwrap();
        assert_eq!(plan.claim_uid.as_deref(), Some("claim-1"), "assumed to work on the existing claim");
        assert_eq!(plan.sidecar_image.as_deref(), Some("seictl:v0.0.50"));
    }
}
