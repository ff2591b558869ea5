//! Enabling and disabling TLS on nodes, and everything that must prevent a deletion.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod group;
mod world;

use kube::ResourceExt;
use sei_api::ClusterDomain;
use sei_api::labels::RECREATE_ANNOTATION;
use sei_tls_rollout::{Issuer, Observed, Progress, Secret, Step, Target, Volume, next, steps};
use serde_json::json;

fn enable() -> Target {
    Target::Enable { secret: "rpc-0-tls".to_owned(), issuer: None }
}

fn running() -> Observed {
    world::running("rpc-0")
}

fn refused(observed: &Observed, target: &Target) -> String {
    match next(observed, target) {
        Progress::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}

fn names(steps: &[Step]) -> Vec<&'static str> {
    let name = |step: &Step| match step {
        Step::Issue(_) => "issue",
        Step::Keep { .. } => "keep",
        Step::Delete { .. } => "delete",
        Step::Create(_) => "create",
        Step::HandOver { .. } => "hand over",
        Step::Forget { .. } => "forget",
    };
    steps.iter().map(name).collect()
}

#[test]
fn a_node_is_recreated_on_its_volume_after_its_spec_is_stored_there() {
    let steps = steps(&running(), &enable()).unwrap();
    assert_eq!(names(&steps), ["keep", "delete", "create", "hand over", "forget"]);
    let Step::Create(new) = &steps[2] else { panic!("{steps:?}") };
    assert_eq!(new.spec.tls().unwrap().secret_name, "rpc-0-tls");
    assert_eq!(new.spec.data_volume, None, "nothing else of its spec changes");
    assert_eq!(new.labels()["team"], "infra");
    assert_eq!(new.annotations().keys().collect::<Vec<_>>(), ["note"]);
    assert!(new.metadata.uid.is_none() && new.status.is_none());
}

#[test]
fn the_certificate_is_issued_before_anything_is_deleted() {
    let target = Target::Enable {
        secret: "rpc-0-tls".to_owned(),
        issuer: Some(Issuer { kind: "Issuer".to_owned(), name: "ca".to_owned() }),
    };
    let observed = Observed { secret: Secret::Missing, ..running() };
    let steps = steps(&observed, &target).unwrap();
    assert_eq!(names(&steps), ["issue", "keep", "delete", "create", "hand over", "forget"]);
    let Step::Issue(certificate) = &steps[0] else { panic!("{steps:?}") };
    assert_eq!(
        certificate["spec"]["dnsNames"],
        json!(["rpc-0.sei.svc.cluster.local", "rpc-0-0.rpc-0.sei.svc.cluster.local"])
    );
    let elsewhere = Observed { domain: ClusterDomain::parse("k8s.example").unwrap(), ..observed.clone() };
    let Progress::Next(Step::Issue(certificate)) = next(&elsewhere, &target) else {
        panic!("the names are others")
    };
    assert_eq!(certificate["spec"]["dnsNames"][0], "rpc-0.sei.svc.k8s.example");
    let waiting = next(&Observed { certificate: true, ..observed }, &target);
    assert!(matches!(&waiting, Progress::Wait(what) if what.contains("being issued")), "{waiting:?}");
}

#[test]
fn an_imported_volume_stays_imported_and_has_no_owner() {
    let tls = json!({ "sidecar": { "tls": { "secretName": "rpc-0-tls" } }, "dataVolume": { "import": { "pvcName": "data-rpc-0" } } });
    let mut observed = Observed { node: Some(world::node("rpc-0", tls)), ..running() };
    observed.claim.as_mut().unwrap().owner_references_mut().clear();
    let steps = steps(&observed, &Target::Disable).unwrap();
    assert_eq!(names(&steps), ["keep", "delete", "create", "forget"]);
    let Step::Create(new) = &steps[2] else { panic!("{steps:?}") };
    assert!(new.spec.tls().is_none());
    assert_eq!(sei_api::names::imported_claim(new), Some("data-rpc-0"));
}

#[test]
fn it_continues_after_an_interruption_at_any_step() {
    let Progress::Next(Step::Keep { recreate, claim: name, .. }) = next(&running(), &enable()) else {
        panic!()
    };
    assert_eq!(name, "data-rpc-0");
    let mut kept = running();
    let claim = kept.claim.as_mut().unwrap();
    claim.owner_references_mut().clear();
    claim.annotations_mut().insert(RECREATE_ANNOTATION.to_owned(), recreate);
    assert_eq!(next(&kept, &enable()), Progress::Next(Step::Delete { uid: "node-1".to_owned() }));

    let deleted = Observed { node: None, ..kept.clone() };
    assert!(matches!(next(&deleted, &enable()), Progress::Wait(what) if what.contains("pod rpc-0-0")));
    let gone = Observed { pod: None, ..deleted };
    let Progress::Next(Step::Create(new)) = next(&gone, &enable()) else { panic!() };

    let mut created = Observed { node: Some(*new), ..gone };
    created.node.as_mut().unwrap().metadata.uid = Some("node-2".to_owned());
    let Progress::Next(Step::HandOver { owner, claim, uid, resource_version }) = next(&created, &enable())
    else {
        panic!("{created:?}")
    };
    assert_eq!((&*claim, &*uid, &*resource_version), ("data-rpc-0", "claim-1", "7"));
    assert_eq!((owner.controller, &*owner.uid), (Some(true), "node-2"));
    let mut ready = created;
    ready.claim.as_mut().unwrap().owner_references_mut().push(owner);
    assert!(matches!(next(&ready, &enable()), Progress::Wait(_)), "until it is Ready");
    ready.node.as_mut().unwrap().status = world::node("rpc-0", json!({})).status;
    let forget = Step::Forget { claim: "data-rpc-0".to_owned(), uid: "claim-1".to_owned() };
    assert_eq!(next(&ready, &enable()), Progress::Next(forget));
    ready.claim.as_mut().unwrap().annotations_mut().remove(RECREATE_ANNOTATION);
    assert_eq!(next(&ready, &enable()), Progress::Done);
}

#[test]
fn a_spec_that_changed_after_it_was_stored_is_stored_again() {
    let Progress::Next(Step::Keep { recreate, .. }) = next(&running(), &enable()) else { panic!() };
    let mut observed = running();
    let claim = observed.claim.as_mut().unwrap();
    claim.owner_references_mut().clear();
    claim.annotations_mut().insert(RECREATE_ANNOTATION.to_owned(), recreate);
    observed.node.as_mut().unwrap().spec.image = "seid:2".to_owned();
    let Progress::Next(Step::Keep { recreate, .. }) = next(&observed, &enable()) else {
        panic!("{observed:?}")
    };
    assert!(recreate.contains("seid:2"));
}

/// A change of the observed state, and part of the message with which it is refused.
type Obstacle = (&'static str, fn(&mut Observed));

#[test]
fn nothing_is_deleted_while_a_check_fails() {
    let cases: [Obstacle; 12] = [
        ("does not exist; it needs a certificate for rpc-0.sei", |it| it.secret = Secret::Missing),
        ("Secret rpc-0-tls: expired", |it| it.secret = Secret::Invalid("expired".to_owned())),
        ("reclaim policy Delete", |it| it.volume = Volume::Deleted("pv-1".to_owned())),
        ("reclaim policy of its volume is unknown", |it| it.volume = Volume::Unknown),
        ("claim data-rpc-0 does not exist", |it| it.claim = None),
        ("is being deleted", |it| {
            it.claim.as_mut().unwrap().metadata.deletion_timestamp =
                Some(serde_json::from_value(json!("2030-01-01T00:00:00Z")).unwrap());
        }),
        ("is not bound", |it| it.claim.as_mut().unwrap().status = None),
        ("no annotation sei.io/initialized", |it| it.claim.as_mut().unwrap().annotations_mut().clear()),
        ("owned by SeiNode rpc-0", |it| {
            it.claim.as_mut().unwrap().owner_references_mut()[0].uid = "an earlier node".to_owned();
        }),
        ("it is not Ready", |it| it.node.as_mut().unwrap().status = None),
        ("it has TLS already, with Secret other", |it| {
            it.node = Some(world::node("rpc-0", json!({ "sidecar": { "tls": { "secretName": "other" } } })));
        }),
        ("belongs to SeiNodeDeployment rpc", |it| {
            let owner = json!([{ "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "name": "rpc", "uid": "g", "controller": true }]);
            it.node.as_mut().unwrap().metadata.owner_references = serde_json::from_value(owner).unwrap();
        }),
    ];
    for (expected, change) in cases {
        let mut observed = running();
        change(&mut observed);
        let why = refused(&observed, &enable());
        assert!(why.contains(expected), "{expected}: {why}");
        assert_eq!(steps(&observed, &enable()), Err(why));
    }
}

#[test]
fn the_claim_is_handed_over_when_the_old_pod_is_gone_and_nothing_owns_it() {
    let Progress::Next(Step::Keep { recreate, .. }) = next(&running(), &enable()) else { panic!() };
    let mut observed = running();
    let new = world::node("rpc-0", json!({ "sidecar": { "tls": { "secretName": "rpc-0-tls" } } }));
    observed.node = Some(new);
    observed.node.as_mut().unwrap().metadata.uid = Some("node-2".to_owned());
    observed.claim.as_mut().unwrap().annotations_mut().insert(RECREATE_ANNOTATION.to_owned(), recreate);
    assert!(refused(&observed, &enable()).contains("owned by SeiNode rpc-0"), "the old one");
    observed.claim.as_mut().unwrap().owner_references_mut().clear();
    assert_eq!(next(&observed, &enable()), Progress::Wait("pod rpc-0-0 is ending".to_owned()));
    observed.pod = None;
    assert!(matches!(next(&observed, &enable()), Progress::Next(Step::HandOver { .. })));
}

#[test]
fn an_incomplete_run_for_the_other_setting_is_refused() {
    let Progress::Next(Step::Keep { recreate, .. }) = next(&running(), &enable()) else { panic!() };
    let mut observed = Observed { node: None, pod: None, ..running() };
    observed.claim.as_mut().unwrap().annotations_mut().insert(RECREATE_ANNOTATION.to_owned(), recreate);
    assert!(refused(&observed, &Target::Disable).contains("finish it first"));
    observed.claim.as_mut().unwrap().metadata.deletion_timestamp =
        Some(serde_json::from_value(json!("2030-01-01T00:00:00Z")).unwrap());
    assert!(refused(&observed, &enable()).contains("docs/backup.md"));
}

#[test]
fn a_recreated_node_that_stalls_ends_the_run_with_its_message() {
    let stalled = json!([{ "type": "Stalled", "status": "True", "reason": "PlanFailed", "message": "task x failed",
        "lastTransitionTime": "2030-01-01T00:00:00Z" }]);
    let mut new = world::node("rpc-0", json!({ "sidecar": { "tls": { "secretName": "rpc-0-tls" } } }));
    new.status = serde_json::from_value(json!({ "phase": "Failed", "conditions": stalled })).unwrap();
    assert_eq!(refused(&Observed { node: Some(new), ..running() }, &enable()), "task x failed");
}
