//! Facts belong to the object that they were observed on: the image of the live objects, the lost claim, the
//! pod that failed.

use sei_api::{
    conditions::{ConditionType, StalledReason},
    v1alpha1::{NodePhase, PlanPhase, TaskStatus},
};
use sei_decide::Claim;
use sei_plan::{OfKind, Outcome, Plan, Purpose, TaskKind};
use serde_json::json;

use crate::life::{GOOD, Life};

fn claim(uid: &str) -> Claim {
    Claim {
        name: "data-node-0".to_owned(),
        uid: uid.to_owned(),
        phase: Some("Bound".to_owned()),
        deleted_at: None,
        is_owned: true,
        is_retained: false,
        volume: None,
        has_state: false,
        config_mode: None,
    }
}

fn done(life: &mut Life) {
    for _ in 0..20 {
        if !life.pass(Vec::new(), &Outcome::Done).unwrap() {
            return;
        }
    }
}

/// A Running full node with image a.
fn running() -> Life {
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:a", "fullNode": {} }));
    life.claim = Some(claim("claim-1"));
    done(&mut life);
    assert_eq!(life.node.status.as_ref().unwrap().phase, Some(NodePhase::Running));
    life
}

fn purpose(life: &Life) -> Option<(Purpose, PlanPhase)> {
    life.plan().map(|plan| (Purpose::of(&plan), plan.phase))
}

fn reason(life: &Life, kind: ConditionType) -> Option<String> {
    Some(life.node.status.as_ref()?.condition(kind)?.reason.clone())
}

#[test]
fn a_node_whose_live_objects_have_another_image_is_updated() {
    let mut life = running();
    // The update to b was applied, but the status write that recorded it was lost, and the spec was changed back to a.
    life.live_image = Some("seid:b");
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert_eq!(purpose(&life), Some((Purpose::Update, PlanPhase::Active)));
    life.live_image = None;
    done(&mut life);
    assert_eq!(purpose(&life), Some((Purpose::Update, PlanPhase::Complete)));
    assert!(!life.pass(Vec::new(), &Outcome::Done).unwrap(), "and then left alone");
}

#[test]
fn a_reverted_update_is_not_dropped_while_the_live_objects_have_its_image() {
    let mut life = running();
    life.change(|node| node.spec.image = "seid:b".to_owned());
    life.live_image = Some("seid:a");
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    life.change(|node| node.spec.image = "seid:a".to_owned());
    life.live_image = Some("seid:b");
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let plan = life.plan().unwrap();
    assert_eq!((Purpose::of(&plan), plan.target_image.as_deref()), (Purpose::Update, Some("seid:a")));
}

#[test]
fn consent_to_an_empty_volume_names_the_claim_that_was_lost() {
    let mut life = running();
    // An annotation that was set months ago, and an update in progress.
    life.retry("months ago");
    life.change(|node| node.spec.image = "seid:b".to_owned());
    life.live_image = Some("seid:a");
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    life.claim = None;
    life.forms.pod = 3;
    life.pass(Vec::new(), &Outcome::Running).unwrap();
    assert_eq!(
        reason(&life, ConditionType::Stalled).as_deref(),
        Some(StalledReason::DataVolumeLost.as_str())
    );
    let status = life.node.status.clone().unwrap();
    let asked = &status.condition(ConditionType::Stalled).unwrap().message;
    assert!(asked.contains("sei.io/retry=claim-1"), "{asked}");
    assert_ne!(purpose(&life).unwrap().0, Purpose::Init);

    life.retry("claim-1");
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let plan = life.plan().unwrap();
    assert_eq!(Purpose::of(&plan), Purpose::Init);
    assert!(plan.tasks.iter().any(|task| task.is(TaskKind::ReplacePod)), "the old pod is replaced");
    life.forms = GOOD;
    life.live_image = None;
    life.claim = Some(claim("claim-2"));
    done(&mut life);
    let status = life.node.status.as_ref().unwrap();
    assert_eq!(status.phase, Some(NodePhase::Running));
    assert_eq!(status.data_claim_uid.as_deref(), Some("claim-2"));
    // The next loss is a different one.
    life.claim = None;
    life.forms.pod = 3;
    done(&mut life);
    assert_eq!(
        reason(&life, ConditionType::Stalled).as_deref(),
        Some(StalledReason::DataVolumeLost.as_str())
    );
}

#[test]
fn a_validator_of_a_group_that_lost_its_keys_with_its_volume_is_to_be_recreated() {
    let mut life = running();
    life.change(|node| {
        let ceremony = json!({ "chainId": "c", "stakingAmount": "1usei", "accountBalance": "2usei", "index": 0 });
        let owner = json!([{ "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "name": "val", "uid": "g",
            "controller": true }]);
        node.spec.full_node = None;
        node.spec.validator = serde_json::from_value(json!({ "genesisCeremony": ceremony })).unwrap();
        node.metadata.owner_references = serde_json::from_value(owner).unwrap();
    });
    let asked = |life: &Life| {
        let stalled = life.node.status.as_ref().unwrap().condition(ConditionType::Stalled).unwrap();
        assert_eq!(stalled.reason, StalledReason::DataVolumeLost.as_str());
        stalled.message.clone()
    };
    let advice = "delete the SeiNode: its keys are lost, and SeiNodeDeployment val creates one";
    life.claim = Some(claim("claim-2"));
    life.pass(Vec::new(), &Outcome::Running).unwrap();
    assert!(asked(&life).contains(advice), "{}", asked(&life));
    life.claim = None;
    life.forms.pod = 3;
    life.pass(Vec::new(), &Outcome::Running).unwrap();
    assert!(asked(&life).contains(advice), "{}", asked(&life));
}

/// A Running node whose claim was replaced by another one of the same name, with the previous plan.
fn on_another_claim(imported: bool, has_update: bool) -> (Life, Option<(Purpose, PlanPhase)>) {
    let mut life = running();
    if imported {
        let import = json!({ "import": { "pvcName": "data-node-0" } });
        life.change(|node| node.spec.data_volume = serde_json::from_value(import).unwrap());
    }
    if has_update {
        life.change(|node| node.spec.image = "seid:b".to_owned());
        life.live_image = Some("seid:a");
        life.pass(Vec::new(), &Outcome::Running).unwrap();
    }
    let before = purpose(&life);
    life.claim = Some(Claim { is_owned: !imported, ..claim("claim-2") });
    life.forms.health = 1;
    (life, before)
}

#[test]
fn seid_does_not_start_on_a_claim_that_replaced_the_one_with_the_data() {
    let is_lost = |life: &Life| {
        reason(life, ConditionType::Stalled).as_deref() == Some(StalledReason::DataVolumeLost.as_str())
    };
    for (imported, has_update) in [(false, false), (true, false), (false, true), (true, true)] {
        let (mut life, before) = on_another_claim(imported, has_update);
        done(&mut life);
        assert!(is_lost(&life));
        assert_eq!(purpose(&life), before);

        life.claim.as_mut().unwrap().has_state = true;
        life.pass(Vec::new(), &Outcome::Running).unwrap();
        assert!(!is_lost(&life), "its data is confirmed");
        let wanted = if has_update { Purpose::Update } else { Purpose::MarkReady };
        assert_eq!(purpose(&life), Some((wanted, PlanPhase::Active)));

        let (mut life, _) = on_another_claim(imported, has_update);
        life.retry("claim-1");
        life.pass(Vec::new(), &Outcome::Running).unwrap();
        assert!(is_lost(&life), "the request names another claim");
        life.retry("claim-2");
        life.pass(Vec::new(), &Outcome::Running).unwrap();
        assert_eq!(purpose(&life), Some((Purpose::Init, PlanPhase::Active)));
    }
}

#[test]
fn mark_ready_that_failed_on_one_pod_is_retried_on_the_next() {
    let mut life = running();
    life.forms.health = 1;
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    life.pass(vec![Outcome::Rejected { error: "no".to_owned() }], &Outcome::Done).unwrap();
    assert_eq!(purpose(&life), Some((Purpose::MarkReady, PlanPhase::Failed)));
    assert_eq!(life.plan().unwrap().failed_task_detail.unwrap().object_uid.as_deref(), Some("pod-1"));
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert_eq!(purpose(&life), Some((Purpose::MarkReady, PlanPhase::Failed)));
    life.pod_uid = "pod-2";
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert_eq!(purpose(&life), Some((Purpose::MarkReady, PlanPhase::Active)));
}

#[test]
fn a_failed_update_is_not_retried_because_the_sidecar_restarted() {
    let mut life = running();
    life.live_image = Some("seid:a");
    life.change(|node| node.spec.image = "seid:b".to_owned());
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    life.pass(vec![Outcome::Rejected { error: "no".to_owned() }], &Outcome::Done).unwrap();
    assert_eq!(purpose(&life), Some((Purpose::Update, PlanPhase::Failed)));
    // Stored before failed updates were recorded: it is derived from the plan.
    life.node.status.as_mut().unwrap().failed_update = None;
    life.forms.health = 1;
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert_eq!(purpose(&life), Some((Purpose::MarkReady, PlanPhase::Complete)));
    life.forms.health = 0;
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert_eq!(purpose(&life), Some((Purpose::MarkReady, PlanPhase::Complete)), "the update is not retried");
    assert_eq!(reason(&life, ConditionType::Stalled).as_deref(), Some(StalledReason::PlanFailed.as_str()));
    life.retry("1");
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert_eq!(purpose(&life), Some((Purpose::Update, PlanPhase::Active)));
}

#[test]
fn the_first_plan_restarts_when_its_claim_is_replaced() {
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:a", "fullNode": {} }));
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let ensured = Outcome::DoneOn { uid: "claim-1".to_owned() };
    life.pass(vec![ensured, Outcome::Done, Outcome::Done, Outcome::Done], &Outcome::Running).unwrap();
    assert_eq!(life.plan().unwrap().claim_uid.as_deref(), Some("claim-1"));
    // Not in the cache yet, then present, then replaced by another one.
    life.pass(Vec::new(), &Outcome::Running).unwrap();
    life.claim = Some(claim("claim-1"));
    life.pass(Vec::new(), &Outcome::Running).unwrap();
    let before = life.plan().unwrap();
    life.claim = Some(claim("claim-2"));
    life.pass(Vec::new(), &Outcome::Running).unwrap();
    let after = life.plan().unwrap();
    assert_ne!(before.id, after.id);
    assert!(after.tasks.iter().all(|task| task.status == TaskStatus::Pending));
}

#[test]
fn the_failed_job_of_an_earlier_attempt_does_not_fail_the_new_one() {
    let snapshot = json!({ "s3": { "targetHeight": 7 }, "bootstrapImage": "seid:old" });
    let peers = json!([{ "static": { "addresses": ["0123456789abcdef0123456789abcdef01234567@b:1"] } }]);
    let spec =
        json!({ "chainId": "c", "image": "seid:a", "fullNode": { "snapshot": snapshot }, "peers": peers });
    let mut life = Life::new(spec);
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let created = Outcome::DoneOn { uid: "job-2".to_owned() };
    life.pass(vec![Outcome::Done, Outcome::Done, created], &Outcome::Running).unwrap();
    // The cache still has the failed one.
    life.forms.job = 3;
    let plan = Plan::load(&life.node).unwrap();
    assert_eq!(plan.object_of(TaskKind::DeployBootstrapJob), Some("job-2"));
    assert!(life.observe().job_of(&plan).is_none());
}
