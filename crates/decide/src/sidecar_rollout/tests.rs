use proptest::prelude::*;
use serde_json::json;

use super::*;

const OLD: &str = "seictl:v0.0.50";

/// One letter per node of the chain: `a` available, `d` down, `u` being updated, upper case if outdated; `V` is an
/// outdated validator that is available, and `G` an outdated node whose group does not allow its update yet.
fn chain(nodes: &str) -> Vec<Member> {
    let member = |(index, node): (usize, char)| Member {
        name: ("sei".to_owned(), format!("n{index}")),
        is_validator: node == 'V',
        is_outdated: node.is_uppercase(),
        is_allowed: node != 'G',
        is_updating: node.eq_ignore_ascii_case(&'u'),
        trouble: "du".contains(node.to_ascii_lowercase()).then(|| "WaitingForPod".to_owned()),
    };
    nodes.chars().enumerate().map(member).collect()
}

fn chosen_of(nodes: &str, max_unavailable: u32) -> String {
    let chain = chain(nodes);
    let chosen = chosen(&chain, NonZeroU32::new(max_unavailable).unwrap());
    chosen.iter().map(|member| &member.name.1[1..]).collect()
}

#[test]
fn available_nodes_are_updated_in_order_within_the_limit() {
    for (nodes, max_unavailable, expected) in [
        ("aaa", 1, ""),
        ("AAA", 1, "0"),
        ("aAA", 1, "1"),
        ("AAA", 2, "01"),
        ("uAA", 1, ""),
        ("UAA", 1, ""),
        ("uAA", 2, "1"),
        ("AAd", 1, ""),
        ("AAd", 2, "0"),
        ("VAA", 1, "1"),
        ("VaV", 1, "0"),
        ("VAV", 3, "1"),
        ("VuV", 3, "02"),
        ("GAA", 1, "1"),
        ("GAG", 3, "1"),
        ("GVV", 3, ""),
    ] {
        assert_eq!(chosen_of(nodes, max_unavailable), expected, "{nodes} {max_unavailable}");
    }
}

#[test]
fn a_node_that_is_down_comes_first_and_not_all_at_once() {
    for (nodes, max_unavailable, expected) in
        [("AAD", 1, "2"), ("DDD", 1, "0"), ("DDD", 2, "01"), ("UDD", 1, ""), ("DAA", 2, "01")]
    {
        assert_eq!(chosen_of(nodes, max_unavailable), expected, "{nodes} {max_unavailable}");
    }
}

#[test]
fn the_next_node_names_the_one_that_it_waits_for() {
    let turns = |nodes: &str| {
        let chain = chain(nodes);
        let of = |member: &Member| turn((&member.name.0, &member.name.1), &chain, NonZeroU32::MIN);
        chain.iter().map(of).collect::<Vec<_>>()
    };
    let next = Turn::Next { after: "sei/n0".to_owned(), reason: "WaitingForPod".to_owned() };
    assert_eq!(turns("dAA"), [None, Some(next.clone()), Some(Turn::Later)]);
    assert_eq!(turns("uAA"), [None, Some(next), Some(Turn::Later)]);
    assert_eq!(turns("AAa"), [Some(Turn::Now), Some(Turn::Later), None]);
    assert_eq!(turns("UAa"), [Some(Turn::Now), turns("uAa")[1].clone(), None], "its update continues");
    assert_eq!(turns("GAA"), [None, Some(Turn::Now), Some(Turn::Later)]);
}

fn platform() -> Platform {
    let settings = include_str!("../../../../tests/conformance/full-tls/platform.env");
    let settings = settings.lines().filter_map(|line| line.split_once('='));
    let more = [("SEI_SIDECAR_IMAGE", "seictl:v0.0.61"), ("SEI_KUBE_RBAC_PROXY_IMAGE", "proxy:2")];
    let settings = settings.chain(more).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Platform::from_settings(&settings.collect()).unwrap()
}

/// A Running node that is Ready with these images, changed by `change`.
fn node(change: impl FnOnce(&mut serde_json::Value)) -> Arc<SeiNode> {
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({ "type": kind, "status": status, "reason": reason, "message": "",
            "lastTransitionTime": "2027-01-01T00:00:00Z" })
    };
    let mut node = json!({
        "metadata": { "name": "n0", "namespace": "sei", "generation": 2 },
        "spec": { "chainId": "c", "image": "i", "fullNode": {} },
        "status": {
            "phase": "Running",
            "observedGeneration": 2,
            "currentSidecarImage": OLD,
            "conditions": [condition("Ready", "True", "NodeReady"), condition("Synced", "True", "CaughtUp")],
        },
    });
    change(&mut node);
    Arc::new(serde_json::from_value(node).unwrap())
}

fn member(change: impl FnOnce(&mut serde_json::Value)) -> Option<Member> {
    members("c", [node(change)].into_iter(), &platform()).pop()
}

#[test]
fn a_node_is_judged_by_its_pod_and_its_conditions() {
    let plain = member(|_| {}).unwrap();
    assert!(plain.is_waiting() && plain.trouble.is_none(), "{plain:?}");
    let own = member(|node| node["spec"]["sidecar"] = json!({ "image": OLD })).unwrap();
    assert!(!own.is_outdated, "the spec requests what it has");
    let tls = |proxy: &'static str| {
        member(move |node| {
            node["spec"]["sidecar"] = json!({ "image": OLD, "tls": { "secretName": "s" } });
            node["status"]["currentProxyImage"] = json!(proxy);
        })
        .unwrap()
    };
    assert!(tls("proxy:1").is_outdated && !tls("proxy:2").is_outdated);
    let trouble = |change: fn(&mut serde_json::Value)| member(change).unwrap().trouble;
    assert_eq!(
        trouble(|node| node["status"]["observedGeneration"] = json!(1)).as_deref(),
        Some("it has not been reconciled yet")
    );
    assert_eq!(
        trouble(|node| node["status"]["currentSidecarImage"] = json!(null)).as_deref(),
        Some("it has not been reconciled yet")
    );
    let catching_up = |node: &mut serde_json::Value| {
        node["status"]["conditions"][1]["status"] = json!("False");
        node["status"]["conditions"][1]["reason"] = json!("CatchingUp");
    };
    assert_eq!(trouble(catching_up).as_deref(), Some("CatchingUp"));
}

/// The owner reference of a SeiNode with a controller of this kind.
fn controlled_by(kind: &str) -> serde_json::Value {
    json!([{ "apiVersion": "sei.io/v1alpha1", "kind": kind, "name": "g", "uid": "u", "controller": true }])
}

#[test]
fn a_node_with_a_controller_counts_and_waits_until_that_allows_its_update() {
    let of = |kind: &'static str, is_allowed: bool| {
        member(|node| {
            node["metadata"]["ownerReferences"] = controlled_by(kind);
            if is_allowed {
                node["metadata"]["annotations"] = json!({ "sei.io/sidecar-update": OLD });
            }
        })
        .unwrap()
    };
    let for_other_images = member(|node| {
        node["metadata"]["ownerReferences"] = controlled_by("Other");
        node["metadata"]["annotations"] = json!({ "sei.io/sidecar-update": "seictl:v0.0.47" });
    });
    assert!(!for_other_images.unwrap().is_outdated(), "it was updated since");
    for kind in ["SeiNodeDeployment", "Other"] {
        let (before, after) = (of(kind, false), of(kind, true));
        assert!(!before.is_outdated() && !before.is_waiting(), "{before:?}");
        assert!(after.is_outdated() && after.is_waiting(), "{after:?}");
    }
    let validators_wait_for = |kind: &'static str| of(kind, false).is_outdated;
    assert!(
        validators_wait_for("SeiNodeDeployment") && !validators_wait_for("Other"),
        "it may never allow it"
    );
    let down = member(|node| {
        node["metadata"]["ownerReferences"] = controlled_by("SeiNodeDeployment");
        node["status"]["conditions"][0]["status"] = json!("False");
    });
    assert_eq!(down.unwrap().trouble.as_deref(), Some("NodeReady"));
}

#[test]
fn nodes_that_are_paused_or_do_not_run_are_not_concerned() {
    assert_eq!(member(|node| node["spec"]["paused"] = json!(true)), None);
    assert_eq!(member(|node| node["metadata"]["deletionTimestamp"] = json!("2027-01-01T00:00:00Z")), None);
    assert_eq!(member(|node| node["status"]["phase"] = json!("Initializing")), None);
    assert_eq!(member(|node| node["spec"]["chainId"] = json!("d")), None, "another chain");
}

/// What happens to a node of the chain.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A pass over the node, which starts its update when it is its turn.
    Pass,
    /// Its update completes.
    Updated,
    /// It fails.
    Fails,
    /// It recovers.
    Recovers,
    /// Its group allows its update.
    Allowed,
}

fn events() -> impl Strategy<Value = Vec<(usize, Event)>> {
    let event = prop_oneof![
        4 => Just(Event::Pass),
        2 => Just(Event::Updated),
        1 => Just(Event::Fails),
        1 => Just(Event::Recovers),
        1 => Just(Event::Allowed),
    ];
    prop::collection::vec((0..8usize, event), 0..200)
}

proptest! {
    /// In any order of events, no update makes more nodes unavailable than allowed, no more than that are updated at a
    /// time, none is updated unless its group allows it, and a validator is updated only when no other node is waiting;
    /// once all nodes recover and all groups agree, all are updated.
    #[test]
    fn no_more_nodes_are_unavailable_than_allowed(
        events in events(),
        max_unavailable in 1..4u32,
        validators in 0..8usize,
        in_groups in 0..8usize,
    ) {
        let most = NonZeroU32::new(max_unavailable).unwrap();
        let (v, g) = (validators, in_groups.min(8 - validators));
        let mut chain = chain(&format!("{}{}{}", "V".repeat(v), "G".repeat(g), "A".repeat(8 - v - g)));
        let step = |chain: &mut Vec<Member>, index: usize, event: Event| -> Result<(), TestCaseError> {
            let name = chain[index].name.clone();
            match event {
                Event::Pass if turn((&name.0, &name.1), chain, most) == Some(Turn::Now) => {
                    let was_down = chain[index].trouble.is_some();
                    prop_assert!(chain[index].is_allowed, "{chain:?}");
                    let waits =
                        |member: &Member| member.is_outdated && !member.is_updating && !member.is_validator;
                    if !chain[index].is_updating && !was_down && chain[index].is_validator {
                        prop_assert!(!chain.iter().any(waits), "{chain:?}");
                    }
                    chain[index].begin();
                    let updating = chain.iter().filter(|member| member.is_updating).count();
                    let unavailable = chain.iter().filter(|member| member.trouble.is_some()).count();
                    prop_assert!(updating <= most.get() as usize, "{chain:?}");
                    prop_assert!(was_down || unavailable <= most.get() as usize, "{chain:?}");
                }
                Event::Updated if chain[index].is_updating => {
                    chain[index].is_updating = false;
                    chain[index].is_outdated = false;
                    chain[index].trouble = None;
                }
                Event::Fails if !chain[index].is_updating => chain[index].trouble = Some("Failed".to_owned()),
                Event::Recovers if !chain[index].is_updating => chain[index].trouble = None,
                Event::Allowed => chain[index].is_allowed = true,
                _ => {}
            }
            Ok(())
        };
        for (index, event) in events {
            step(&mut chain, index, event)?;
        }
        for _ in 0..8 {
            for event in [Event::Allowed, Event::Recovers, Event::Pass, Event::Updated] {
                for index in 0..8 {
                    step(&mut chain, index, event)?;
                }
            }
        }
        prop_assert!(chain.iter().all(|member| !member.is_outdated), "{chain:?}");
    }
}
