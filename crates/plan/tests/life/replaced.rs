//! Plans that replace others: completed work counts only for its volume and its sidecar, and a running task keeps its
//! ID.

use sei_api::{
    SeiNode,
    v1alpha1::{PlannedTask, TaskPlan, TaskStatus},
};
use sei_node::Node;
use sei_plan::{Ground, OfKind, Outcome, Persisted, Plan, Step, TaskKind, build};
use serde_json::{Value, json};

use crate::world::World;

fn world(more: Value) -> World {
    let mut spec = json!({ "chainId": "arctic-1", "image": "seid:a" });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut world = World::new(spec);
    world.ground = Ground {
        claim_uid: Some("claim-1".to_owned()),
        sidecar_image: Some("seictl:v0.0.50".to_owned()),
        ..Ground::default()
    };
    world.propose();
    world
}

fn state_sync() -> World {
    let peers = json!([{ "static": { "addresses": ["a@b:1"] } }]);
    world(json!({ "fullNode": { "snapshot": { "stateSync": {} } }, "peers": peers }))
}

fn restore() -> World {
    world(json!({ "fullNode": { "snapshot": { "s3": { "targetHeight": 100 } } } }))
}

/// Completes everything before the first task of this kind.
fn up_to(world: &mut World, kind: TaskKind) {
    while world.plan().unwrap().tasks.iter().any(|task| task.is(kind) && !is_current(world, task)) {
        if let Step::Later(delay) = world.step(|_| Outcome::Done).unwrap() {
            world.pass(delay);
        }
    }
}

fn is_current(world: &World, task: &PlannedTask) -> bool {
    Plan::load(&world.node).is_some_and(|plan| plan.current().is_some_and(|(_, it)| it.id == task.id))
}

fn task(world: &World, kind: TaskKind) -> PlannedTask {
    world.plan().unwrap().tasks.into_iter().find(|task| task.is(kind)).unwrap()
}

fn statuses(world: &World, kinds: &[TaskKind]) -> Vec<TaskStatus> {
    kinds.iter().map(|kind| task(world, *kind).status).collect()
}

fn set_override(node: &mut SeiNode, port: &str) {
    node.spec.overrides.get_or_insert_default().insert("evm.http_port".to_owned(), port.to_owned());
}

use TaskKind::{
    ConfigApply, ConfigValidate, ConfigureGenesis, ConfigureStateSync, DiscoverPeers, MarkReady,
    SnapshotRestore, SnapshotUpload,
};
use TaskStatus::{Complete, Pending};

#[test]
fn a_corrected_override_keeps_the_state_sync_that_was_configured() {
    let mut world = state_sync();
    up_to(&mut world, ConfigValidate);
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, ConfigApply).params.unwrap()["incremental"], true, "the file is not rewritten");
    assert_eq!(
        statuses(&world, &[ConfigureGenesis, ConfigApply, ConfigureStateSync, ConfigValidate]),
        [Complete, Pending, Complete, Pending]
    );
    // Another correction before the first one was written.
    world.change_spec(|node| set_override(node, "8547"));
    world.propose();
    let params = task(&world, ConfigApply).params.unwrap();
    assert_eq!(
        (&params["incremental"], &params["overrides"]["evm.http_port"]),
        (&json!(true), &json!("8547"))
    );
}

#[test]
fn a_second_correction_before_the_pod_returns_keeps_state_sync() {
    let mut world = state_sync();
    up_to(&mut world, ConfigValidate);
    // The pod is replaced first, so that the intermediate plan has not reached the configuration again.
    world.change_spec(|node| node.spec.image = "seid:b".to_owned());
    world.propose();
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, ConfigApply).params.unwrap()["incremental"], true);
    assert_eq!(statuses(&world, &[ConfigApply, ConfigureStateSync]), [Pending, Complete]);
}

#[test]
fn a_configuration_without_state_sync_is_rewritten_and_the_lost_parts_repeated() {
    let mut world = state_sync();
    up_to(&mut world, ConfigApply);
    world.step(|_| Outcome::Done);
    // State sync is next and may have been submitted: its marker would prevent it from running again.
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, ConfigApply).params.unwrap()["incremental"], true);

    let mut world = state_sync();
    up_to(&mut world, ConfigApply);
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, ConfigApply).params.unwrap().get("incremental"), None);
}

/// Changes the plan of `world` to the form in which it was stored before `config-apply` wrote the peers.
fn discover_peers_instead(world: &mut World) {
    let plan = world.node.status.as_mut().unwrap().plan.as_mut().unwrap();
    let place = plan.tasks.iter().position(|task| task.is(ConfigApply)).unwrap();
    plan.tasks[place].params.as_mut().unwrap().as_object_mut().unwrap().remove("peers");
    let sources = json!({ "Sources": [{ "type": "static", "addresses": ["a@b:1"] }] });
    let discovery = json!({ "type": "discover-peers", "id": "d", "status": "Pending", "params": sources });
    plan.tasks.insert(place + 1, serde_json::from_value(discovery).unwrap());
}

#[test]
fn a_stored_plan_with_discover_peers_is_continued_or_replaced_by_one_without_it() {
    let stored = || {
        let mut world = state_sync();
        discover_peers_instead(&mut world);
        up_to(&mut world, DiscoverPeers);
        world
    };
    let mut supported = stored();
    assert_eq!(supported.step(|_| Outcome::Done), Some(Step::Next));
    assert_eq!(statuses(&supported, &[ConfigApply, DiscoverPeers]), [Complete, Complete]);

    let mut unsupported = stored();
    assert_eq!(
        unsupported.step(|plan| {
            assert!(!plan.writes_peers());
            Outcome::Reissue
        }),
        Some(Step::Replan)
    );

    // As stored by an earlier version of the operator.
    let mut failed = stored();
    failed.step(|_| Outcome::TaskUnknown { error: "unknown task type: discover-peers".to_owned() });
    assert!(failed.propose(), "no manual retry is needed");

    for world in [unsupported, failed] {
        let tasks = world.plan().unwrap().tasks;
        assert!(!tasks.iter().any(|task| task.is(DiscoverPeers)), "{tasks:?}");
        assert_eq!(statuses(&world, &[ConfigureGenesis, ConfigApply]), [Complete, Pending]);
    }
}

#[test]
fn a_configuration_that_seid_has_data_for_is_changed_in_place() {
    let mut world = restore();
    up_to(&mut world, MarkReady);
    world.step(|_| Outcome::Submitted);
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, ConfigApply).params.unwrap()["incremental"], true);
}

#[test]
fn work_on_another_volume_does_not_count() {
    let mut world = restore();
    up_to(&mut world, ConfigValidate);
    world.step(|_| Outcome::Rejected { error: "bad".to_owned() });
    world.ground.claim_uid = Some("claim-2".to_owned());
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
    world.ground.claim_uid = Some("claim-2".to_owned());
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
        let plan = Plan::propose(fresh, &world.node, &world.ground, world.now).into_stored();
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
    world.ground.claim_uid = Some("claim-2".to_owned());
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
    let ground = Ground { has_state: true, has_config: true, ..Ground::default() };
    let kinds = kinds(&build::init_on(&Node::of(&node), &ground, "p"));
    assert!(kinds.contains(&ConfigApply) && kinds.contains(&MarkReady), "{kinds:?}");
    let plan = build::init_on(&Node::of(&node), &ground, "p");
    let config = plan.tasks.iter().find(|task| task.is(ConfigApply)).unwrap().params.clone().unwrap();
    assert_eq!(
        (&config["incremental"], &config["overrides"]["state_sync.enable"]),
        (&json!(true), &json!("false"))
    );
    let other = Ground { has_config: false, ..ground };
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
    world.ground.has_state = true;
    let mut plan: Plan<Persisted> = Plan::load(&world.node).unwrap();
    plan.adopt(&world.ground);
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
fn a_configuration_written_by_another_sidecar_is_rewritten() {
    let mut world = restore();
    up_to(&mut world, ConfigValidate);
    world.step(|_| Outcome::TaskUnknown { error: "unknown task type".to_owned() });
    world.ground.sidecar_image = Some("seictl:v0.0.66".to_owned());
    world.ask_for_retry("1");
    world.propose();
    assert_eq!(
        statuses(&world, &[SnapshotRestore, ConfigApply, ConfigValidate]),
        [Complete, Pending, Pending]
    );
}

#[test]
fn an_invalid_configuration_is_rewritten() {
    let mut world = restore();
    up_to(&mut world, ConfigValidate);
    world.step(|_| Outcome::Rejected { error: "invalid".to_owned() });
    world.ask_for_retry("1");
    world.propose();
    assert_eq!(statuses(&world, &[SnapshotRestore, ConfigApply]), [Complete, Pending]);
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

#[test]
fn a_job_that_is_lost_repeatedly_is_recreated_with_backoff() {
    let snapshot = json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:old" });
    let mut world = world(json!({ "fullNode": { "snapshot": snapshot } }));
    let mut delays = Vec::new();
    for _ in 0..4 {
        up_to(&mut world, SnapshotRestore);
        match world.step(|_| Outcome::JobLost).unwrap() {
            Step::Later(delay) => delays.push(delay.as_secs()),
            step => assert_eq!(step, Step::Next, "without delay the first time"),
        }
    }
    assert_eq!(delays, [5, 10, 20]);
}

#[test]
fn a_sidecar_that_restarts_repeatedly_is_released_with_backoff() {
    let mut world = world(json!({ "fullNode": {} }));
    let mut delays = Vec::new();
    for _ in 0..4 {
        let start = world.now;
        up_to(&mut world, MarkReady);
        delays.push(world.now.duration_since(start).as_secs());
        assert_eq!(world.step(|_| Outcome::Reissue), Some(Step::Replan));
    }
    assert_eq!(delays, [0, 0, 5, 10]);
}
