//! A healthy installation, and each fault that is found.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod cluster;

use sei_doctor::{Answer, Check, Facts, Finding, Installation, Level, findings, installation, is_healthy};
use serde_json::json;

use cluster::{deployment, go, in_order, lease, node, permission, read};

/// All findings except those that are ok.
fn bad(facts: &Facts) -> Vec<Finding> {
    findings(facts).into_iter().filter(|finding| finding.level != Level::Ok).collect()
}

#[test]
fn a_healthy_installation_has_only_ok_findings_from_every_check() {
    let found = findings(&in_order());
    assert!(bad(&in_order()).is_empty(), "{found:#?}");
    assert!(is_healthy(&found) && found.len() >= 10, "{found:#?}");
}

#[test]
fn the_scope_of_other_checks_comes_from_the_deployment() {
    let expected = Installation {
        namespace: "system".to_owned(),
        account: "sei-operator".to_owned(),
        lease: Some("lease".to_owned()),
        watched: vec!["a".to_owned(), "b".to_owned()],
        named_secrets: false,
    };
    assert_eq!(installation(&[read(go()), read(deployment())]), Some(expected));
    assert_eq!(installation(&[read(go())]), None);
}

/// A fault, the check that finds it, its severity, and a part of the message.
type Case = (fn(&mut Facts), Check, Level, &'static str);

#[test]
fn each_fault_is_found_by_its_check_only() {
    let cases: &[Case] = &[
        (|it| it.server_version = Ok((1, 32)), Check::Kubernetes, Level::Error, "version 1.32"),
        (|it| it.now = "2030-01-01T00:01:10Z".parse().unwrap(), Check::Clock, Level::Warning, "by 60 s"),
        (
            |it| it.lease = Ok(Some(read(lease("2030-01-01T00:01:10.000000Z")))),
            Check::Clock,
            Level::Error,
            "60 s ahead",
        ),
        (
            |it| drop(it.crds.as_mut().unwrap().pop()),
            Check::Crds,
            Level::Error,
            "seinodetasks.sei.io is not installed",
        ),
        (
            |it| it.crds.as_mut().unwrap()[0].spec.versions[0].served = false,
            Check::Crds,
            Level::Error,
            "does not serve v1alpha1",
        ),
        (
            |it| it.crds.as_mut().unwrap()[0].spec.versions[0].schema = None,
            Check::Crds,
            Level::Warning,
            "schema of another version",
        ),
        (
            |it| it.deployments.as_mut().unwrap()[0].status = None,
            Check::Operator,
            Level::Error,
            "0 of 2 replicas",
        ),
        (
            |it| it.deployments.as_mut().unwrap()[0].status.as_mut().unwrap().ready_replicas = Some(1),
            Check::Operator,
            Level::Warning,
            "1 of 2 replicas",
        ),
        (
            |it| it.deployments.as_mut().unwrap().push(read(go())),
            Check::Operator,
            Level::Error,
            "is running at the same time as the operator",
        ),
        (
            |it| {
                let mut broken = deployment();
                broken["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap().remove(0);
                it.deployments = Ok(vec![read(broken)]);
            },
            Check::Settings,
            Level::Error,
            "SEI_NODEPOOL_NAME",
        ),
        (
            |it| {
                it.permissions = Ok(vec![
                    (permission("get"), false),
                    (permission("patch"), false),
                    (permission("list"), true),
                ])
            },
            Check::Permissions,
            Level::Error,
            "is not allowed to get, patch statefulsets.apps in namespace a",
        ),
        (|it| it.permissions = Err("forbidden".to_owned()), Check::Permissions, Level::Unknown, "forbidden"),
        (|it| it.lease = Ok(None), Check::Lease, Level::Error, "does not exist"),
        (
            |it| it.lease = Ok(Some(read(lease("2030-01-01T00:00:10.000000Z").clone()))),
            Check::Lease,
            Level::Ok,
            "held by pod-1",
        ),
        (
            |it| it.lease = Ok(Some(read(lease("2029-12-31T23:59:10.000000Z")))),
            Check::Lease,
            Level::Error,
            "last renewed 60 s ago",
        ),
        (
            |it| {
                it.pods = Ok(vec![read(json!({
                    "metadata": { "name": "rpc-0-0", "namespace": "sei" },
                    "status": { "containerStatuses": [{ "name": "seid", "image": "seid:typo", "imageID": "",
                        "ready": false, "restartCount": 0,
                        "state": { "waiting": { "reason": "ImagePullBackOff" } } }] },
                }))]);
            },
            Check::Images,
            Level::Error,
            "pod sei/rpc-0-0 cannot pull image seid:typo of container seid",
        ),
        (
            |it| it.nodes = Ok(vec![read(node("Unreachable", "False"))]),
            Check::Network,
            Level::Error,
            "cannot reach 1 of 1 sidecars: sei/rpc-0",
        ),
        (
            |it| it.nodes.as_mut().unwrap().push(read(node("Unreachable", "False"))),
            Check::Network,
            Level::Warning,
            "1 of 2",
        ),
        (|it| it.nodes = Ok(vec![]), Check::Network, Level::Unknown, "has not called a sidecar yet"),
        (
            |it| it.nodes = Ok(vec![read(node("Ready", "True"))]),
            Check::Nodes,
            Level::Warning,
            "1 of 1 SeiNodes are stalled: sei/rpc-0",
        ),
        (|it| it.cert_manager = Ok(false), Check::CertManager, Level::Ok, "not installed"),
    ];
    for (spoil, check, level, part) in cases {
        let mut facts = in_order();
        spoil(&mut facts);
        let found = findings(&facts);
        let is_it = |it: &&Finding| it.check == *check && it.level == *level && it.message.contains(part);
        assert!(found.iter().any(|it| is_it(&it)), "{part}: {found:#?}");
        for finding in bad(&facts) {
            assert_eq!(finding.check, *check, "{part}: {finding:?}");
            assert_eq!(finding.fix.is_some(), finding.level != Level::Unknown, "{finding:?}");
        }
        assert_eq!(is_healthy(&found), *level != Level::Error, "{part}");
    }
}

#[test]
fn before_a_migration_only_the_go_controller_is_reported() {
    let facts = Facts { deployments: Ok(vec![read(go())]), ..in_order() };
    let [finding] = &*bad(&facts) else { panic!("{:?}", bad(&facts)) };
    assert_eq!(finding.level, Level::Warning);
    assert!(finding.fix.as_deref().unwrap().contains("docs/migration.md"));
}

#[test]
fn what_cannot_be_read_is_unknown_and_not_an_error() {
    let found = findings(&Facts::unread(Default::default()));
    assert!(found.iter().all(|finding| finding.level == Level::Unknown), "{found:#?}");
    assert!(is_healthy(&found));
}

#[test]
fn the_fix_of_an_unreachable_sidecar_follows_from_a_call_through_the_api_server() {
    let fix = |answer: Answer| {
        let nodes = Ok(vec![read(node("Unreachable", "False"))]);
        let facts = Facts { nodes, answers: vec![("sei/rpc-0".to_owned(), answer)], ..in_order() };
        bad(&facts).remove(0).fix.unwrap()
    };
    let blocked = fix(Answer::Response);
    assert!(
        blocked.contains("TCP 7777") && blocked.contains("can reach the sidecar of sei/rpc-0"),
        "{blocked}"
    );
    let down = fix(Answer::Silence("connection refused".to_owned()));
    assert!(down.contains("that of sei/rpc-0 either: connection refused"), "{down}");
    let denied = fix(Answer::Denied("pods is forbidden".to_owned()));
    assert!(
        denied.contains("TCP 7777") && denied.ends_with("through the API server: pods is forbidden"),
        "{denied}"
    );
}
