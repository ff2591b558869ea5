//! Groups of the Go controller in recorded states (`tests/conformance/deployment`): the same SeiNodes, Service and
//! status, but for what section Objects of `docs/deployments.md` lists; and taking a group over restarts nothing.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{collections::BTreeSet, path::Path, sync::Arc};

use jiff::Timestamp;
use kube::ResourceExt;
use sei_api::{
    SeiNode, SeiNodeDeployment, SeiNodeDeploymentStatus, deployment_conditions::StalledReason, labels,
    v1alpha1::deployment::DeploymentPhase,
};
use sei_deployment::{Observed, Write, child, decide, internal_service, status};
use sei_render::drift::differences;
use serde_json::{Value, json};

/// A recorded state: the group, its SeiNodes and its Service, completed by what the recording left out.
struct Recorded(Value);

impl Recorded {
    fn read(state: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/deployment");
        let text = std::fs::read_to_string(folder.join(format!("{state}.json"))).unwrap();
        // Recorded times are words.
        let mut state: Value = serde_json::from_str(&text.replace("<time>", "2026-05-17T00:00:00Z")).unwrap();
        for node in state["seiNodes"].as_array_mut().unwrap() {
            node["metadata"]["uid"] = node["metadata"]["name"].clone();
            // Once our operator of SeiNodes has looked.
            let is_running = node["status"]["phase"] == "Running";
            let is_current = node["status"]["currentImage"] == node["spec"]["image"];
            node["status"]["observedGeneration"] = node["metadata"]["generation"].clone();
            node["status"]["conditions"] = json!([{
                "type": "Ready", "status": if is_running && is_current { "True" } else { "False" },
                "reason": "PlanInProgress", "message": "", "lastTransitionTime": "2026-05-17T00:00:00Z",
            }]);
        }
        Self(state)
    }

    fn group(&self) -> SeiNodeDeployment {
        serde_json::from_value(self.0["seiNodeDeployment"].clone()).unwrap()
    }

    fn nodes(&self) -> Vec<Arc<SeiNode>> {
        let nodes = self.0["seiNodes"].as_array().unwrap().iter();
        nodes.map(|node| Arc::new(serde_json::from_value(node.clone()).unwrap())).collect()
    }

    fn service(&self) -> &Value {
        let mut services = self.0["services"].as_array().unwrap().iter();
        services.find(|service| service["metadata"]["name"].as_str().unwrap().ends_with("-internal")).unwrap()
    }

    fn observe(&self) -> Observed {
        Observed {
            group: Arc::new(self.group()),
            nodes: self.nodes(),
            internal_service: Some(Arc::new(serde_json::from_value(self.service().clone()).unwrap())),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    fn status(&self) -> SeiNodeDeploymentStatus {
        let observed = self.observe();
        status(&observed, &decide(&observed), &[])
    }
}

/// Rows of section Objects.
fn listed() -> BTreeSet<String> {
    let page = include_str!("../../../docs/deployments.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Objects\n")).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| SeiNode | `"));
    rows.map(|row| row.split_once('`').unwrap().0.to_owned()).collect()
}

#[test]
fn the_nodes_of_a_group_are_those_of_the_go_controller_but_for_what_is_listed() {
    let mut found = BTreeSet::new();
    for (state, count) in [
        ("01-full-minimal/01-first", 3),
        ("03-tls-template/01-first", 2),
        ("04-genesis-ceremony/01-first-children-and-plan", 4),
        ("05-inplace-image/12-steady", 3),
        ("10-scale/05-five", 5),
    ] {
        let recorded = Recorded::read(state);
        let (group, nodes) = (recorded.group(), recorded.nodes());
        assert_eq!(nodes.len(), count, "{state}");
        for (ordinal, node) in (0..).zip(&nodes) {
            let ours = child(&group, ordinal, &node.labels()[labels::REVISION]);
            assert_eq!(ours.name_any(), node.name_any());
            let shown = |node: &SeiNode| {
                let metadata = &node.metadata;
                json!({
                    "metadata": {
                        "labels": metadata.labels, "annotations": metadata.annotations,
                        "ownerReferences": metadata.owner_references,
                    },
                    "spec": node.spec,
                })
            };
            let (ours, theirs) = (shown(&ours), shown(node));
            found.extend(differences(&ours, &theirs));
            found.extend(differences(&theirs, &ours));
        }
    }
    assert_eq!(found, listed());
}

#[test]
fn new_nodes_carry_the_generation_of_the_group_as_their_revision() {
    let mut recorded = Recorded::read("01-full-minimal/01-first");
    recorded.0["seiNodes"] = json!([]);
    let created: Vec<_> = decide(&recorded.observe()).writes;
    let revisions: Vec<_> = created
        .iter()
        .filter_map(|write| match write {
            Write::Create(node) => Some((node.name_any(), node.labels()[labels::REVISION].clone())),
            _ => None,
        })
        .collect();
    assert_eq!(revisions, ["rpc-0", "rpc-1", "rpc-2"].map(|name| (name.to_owned(), "1".to_owned())));
}

#[test]
fn the_internal_service_is_that_of_the_go_controller() {
    let recorded = Recorded::read("01-full-minimal/01-first");
    let ours = json!(internal_service(&recorded.group()));
    assert_eq!(differences(&ours, recorded.service()), [""; 0]);
    for part in [
        "/metadata/labels",
        "/metadata/annotations",
        "/metadata/ownerReferences",
        "/spec/selector",
        "/spec/ports",
    ] {
        assert_eq!(ours.pointer(part), recorded.service().pointer(part), "{part}");
    }
}

#[test]
fn the_status_says_what_the_go_controller_says() {
    let recorded = Recorded::read("01-full-minimal/07-all-running");
    let (ours, theirs) = (json!(recorded.status()), &recorded.0["seiNodeDeployment"]["status"]);
    for field in [
        "observedGeneration",
        "phase",
        "replicas",
        "readyReplicas",
        "nodes",
        "internalService",
        "perPodServices",
        "endpoints",
    ] {
        assert_eq!(ours[field], theirs[field], "{field}");
    }
    let conditions = recorded.status().conditions.unwrap();
    let types: Vec<_> = conditions.iter().map(|condition| condition.type_.as_str()).collect();
    assert_eq!(types, ["Ready", "Progressing", "Stalled"], "what nothing keeps true any more is gone");
}

#[test]
fn phases_are_those_of_the_go_controller() {
    for (state, phase) in [
        ("01-full-minimal/01-first", DeploymentPhase::Initializing),
        ("01-full-minimal/07-all-running", DeploymentPhase::Ready),
        ("01-full-minimal/10-one-failed", DeploymentPhase::Degraded),
        ("01-full-minimal/12-all-failed", DeploymentPhase::Failed),
        ("05-inplace-image/07-awaiting", DeploymentPhase::Upgrading),
        ("14-inplace-superseded/06-bad-image-awaiting", DeploymentPhase::Upgrading),
    ] {
        assert_eq!(Recorded::read(state).status().phase, Some(phase), "{state}");
    }
}

#[test]
fn taking_a_group_over_changes_no_spec_in_any_recorded_state() {
    for state in [
        "01-full-minimal/07-all-running",
        "01-full-minimal/10-one-failed",
        "03-tls-template/01-first",
        "04-genesis-ceremony/01-first-children-and-plan",
        "05-inplace-image/03-before",
        "05-inplace-image/07-awaiting",
        "05-inplace-image/12-steady",
        "06-bluegreen-image/17-again-3-same",
        "10-scale/12-two-left",
        "14-inplace-superseded/06-bad-image-awaiting",
    ] {
        for write in decide(&Recorded::read(state).observe()).writes {
            match write {
                Write::Apply { patch, .. } => assert_eq!(patch["spec"], json!({}), "{state}"),
                other => panic!("{state}: {other:?}"),
            }
        }
    }
}

#[test]
fn the_second_set_of_a_blue_green_update_stays_the_only_one() {
    let observed = Recorded::read("06-bluegreen-image/17-again-3-same").observe();
    let decision = decide(&observed);
    assert_eq!(decision.writes, []);
    let told: Vec<_> = decision.obstacles.iter().map(|obstacle| obstacle.reason).collect();
    assert_eq!(told, [StalledReason::UnexpectedNode; 2]);
}

#[test]
fn nodes_and_service_that_the_go_controller_retained_are_adopted_as_they_are() {
    let mut recorded = Recorded::read("11-delete-retain/06-gone");
    let mut group = Recorded::read("01-full-minimal/01-first").0["seiNodeDeployment"].clone();
    group["metadata"]["namespace"] = recorded.0["seiNodes"][0]["metadata"]["namespace"].clone();
    group["spec"]["replicas"] = json!(2);
    recorded.0["seiNodeDeployment"] = group;
    let mut adopted = Vec::new();
    for write in decide(&recorded.observe()).writes {
        match write {
            Write::Apply { name, patch } => {
                assert_eq!(patch["spec"], json!({}));
                assert_eq!(patch["metadata"]["ownerReferences"][0]["kind"], "SeiNodeDeployment");
                adopted.push(name);
            }
            Write::ApplyService(service) => adopted.push(service.name_any()),
            other => panic!("{other:?}"),
        }
    }
    adopted.sort();
    assert_eq!(adopted, ["rpc-0", "rpc-1", "rpc-internal"]);
}

#[test]
fn a_bad_image_of_a_wedged_rollout_is_reverted_at_once() {
    let mut recorded = Recorded::read("14-inplace-superseded/06-bad-image-awaiting");
    let before = Recorded::read("05-inplace-image/03-before").0["seiNodes"][0]["spec"]["image"].clone();
    recorded.0["seiNodeDeployment"]["spec"]["template"]["spec"]["image"] = before.clone();
    let writes = decide(&recorded.observe()).writes;
    let reverted = writes
        .iter()
        .filter(|write| matches!(write, Write::Apply { patch, .. } if patch["spec"]["image"] == before));
    assert_eq!(reverted.count(), recorded.nodes().len(), "none of them is available");
}

#[test]
fn every_test_that_the_page_names_exists() {
    let page = include_str!("../../../docs/deployments.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Faults\n")).unwrap();
    let tests = [
        include_str!("conformance.rs"),
        include_str!("lives/deletion.rs"),
        include_str!("lives/random.rs"),
        include_str!("lives/reports.rs"),
        include_str!("lives/scaling.rs"),
        include_str!("lives/updates.rs"),
        include_str!("../../api/tests/admission/main.rs"),
        include_str!("../../api/tests/stored_objects.rs"),
        include_str!("../../controller/src/metrics/mod.rs"),
        include_str!("../src/events.rs"),
        include_str!("../../../tests/apiserver/tests/life/groups/changes.rs"),
        include_str!("../../../tests/apiserver/tests/life/groups/cost.rs"),
        include_str!("../../../tests/apiserver/tests/life/groups/ownership.rs"),
    ]
    .concat();
    let rows = section.lines().filter(|line| line.starts_with("| D"));
    let named: Vec<_> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 25);
    let missing: Vec<_> = named.iter().filter(|name| !tests.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}
