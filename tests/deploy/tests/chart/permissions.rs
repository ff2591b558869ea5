//! The roles grant what the table next to the code says, in every mode, to the right subjects, and no more.

use k8s_openapi::api::rbac::v1::PolicyRule;
use sei_controller::{SecretAccess, rbac};
use sei_testkit::chart::{self, NAMESPACE, RELEASE, find};
use serde_json::{Value, json};

/// What a binding of `subject` grants: namespace (none for the whole cluster) and rule, in the order of the
/// manifest.
fn granted(objects: &[Value], subject: &Value) -> Vec<(Option<String>, PolicyRule)> {
    let mut all = Vec::new();
    for binding in objects {
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        if subjects.filter(|found| *found == subject).count() == 0 {
            continue;
        }
        let namespace = binding["metadata"]["namespace"].as_str().map(str::to_owned);
        let role = objects.iter().find(|role| {
            role["kind"] == binding["roleRef"]["kind"]
                && role["metadata"]["name"] == binding["roleRef"]["name"]
                && role["metadata"]["namespace"] == binding["metadata"]["namespace"]
        });
        let role = role.unwrap_or_else(|| panic!("{binding} refers to no role of the chart"));
        let rules: Vec<PolicyRule> = serde_json::from_value(role["rules"].clone()).unwrap();
        all.extend(rules.into_iter().map(|rule| (namespace.clone(), rule)));
    }
    all
}

fn operator() -> Value {
    json!({ "kind": "ServiceAccount", "name": RELEASE, "namespace": NAMESPACE })
}

fn node(namespace: &str) -> Value {
    json!({ "kind": "ServiceAccount", "name": "seid-node", "namespace": namespace })
}

/// Both in the same order.
fn sorted<T: std::fmt::Debug>(mut grants: Vec<T>) -> Vec<String> {
    let mut lines: Vec<_> = grants.drain(..).map(|grant| format!("{grant:?}")).collect();
    lines.sort();
    lines
}

#[test]
fn the_operator_has_the_rules_of_the_table_in_every_mode() {
    for (access, secret_access) in [("watch", SecretAccess::Watch), ("named", SecretAccess::Named)] {
        for namespaces in [&[][..], &["pacific-1", "atlantic-2"][..]] {
            let mut values = json!({ "secretAccess": access, "watchNamespaces": namespaces });
            if secret_access == SecretAccess::Named {
                values["namedSecrets"] = json!([{ "namespace": "pacific-1", "names": ["rpc-0-tls", "key"] }]);
            }
            let objects = chart::render(&values).unwrap();

            let own = || Some(NAMESPACE.to_owned());
            let mut wanted: Vec<_> = rbac::lease_rules().into_iter().map(|rule| (own(), rule)).collect();
            let everywhere: &[Option<&str>] = &[None];
            let listed: Vec<_> = namespaces.iter().map(|namespace| Some(*namespace)).collect();
            for scope in if listed.is_empty() { everywhere } else { &listed } {
                let rules = rbac::namespaced_rules(secret_access);
                wanted.extend(rules.into_iter().map(|rule| (scope.map(str::to_owned), rule)));
            }
            wanted.extend(rbac::cluster_rules().into_iter().map(|rule| (None, rule)));
            if secret_access == SecretAccess::Named {
                let rule = rbac::named_secrets(vec!["rpc-0-tls".into(), "key".into()]);
                wanted.push((Some("pacific-1".into()), rule));
            }
            assert_eq!(sorted(granted(&objects, &operator())), sorted(wanted), "{values}");
        }
    }
}

#[test]
fn with_listed_namespaces_the_cluster_role_reads_volumes_alone() {
    let objects = chart::render(&json!({ "watchNamespaces": ["pacific-1"] })).unwrap();
    let role = find(&objects, "ClusterRole", RELEASE).unwrap();
    let rules = json!([{ "apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["get"] }]);
    assert_eq!(role["rules"], rules);
}

#[test]
fn proxies_of_the_listed_namespaces_may_ask_who_calls() {
    let proxy: Vec<_> = rbac::proxy_rules().into_iter().map(|rule| (None, rule)).collect();
    let listed = [
        (json!({ "nodes": { "namespaces": ["a"] } }), "a"),
        // What is watched is what has nodes.
        (json!({ "watchNamespaces": ["b"] }), "b"),
    ];
    for (values, namespace) in listed {
        let objects = chart::render(&values).unwrap();
        assert_eq!(granted(&objects, &node(namespace)), proxy);
        assert_eq!(granted(&objects, &node("c")), []);
        assert!(find(&objects, "ServiceAccount", "seid-node").is_some());
    }
    let objects = chart::render(&json!({ "nodes": { "allNamespaces": true } })).unwrap();
    let everybody =
        json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:serviceaccounts" });
    assert_eq!(granted(&objects, &everybody), proxy);
}

#[test]
fn submitters_have_a_role_that_nobody_is_bound_to() {
    let objects = chart::render(&json!({ "watchNamespaces": ["a"] })).unwrap();
    let role = find(&objects, "ClusterRole", rbac::SUBMITTER_ROLE).unwrap();
    let rules: Vec<PolicyRule> = serde_json::from_value(role["rules"].clone()).unwrap();
    assert_eq!(rules, rbac::submitter_rules());
    assert!(objects.iter().all(|object| object["roleRef"]["name"] != rbac::SUBMITTER_ROLE));
}

#[test]
fn people_who_may_view_or_edit_may_do_so_with_nodes() {
    let objects = chart::render(&json!({})).unwrap();
    let grants = [
        ("sei-operator-view", rbac::viewer_rules(), &["view", "edit", "admin"][..]),
        ("sei-operator-edit", rbac::editor_rules(), &["edit", "admin"][..]),
    ];
    for (name, rules, into) in grants {
        let role = find(&objects, "ClusterRole", name).unwrap();
        assert_eq!(serde_json::from_value::<Vec<PolicyRule>>(role["rules"].clone()).unwrap(), rules);
        let labels = role["metadata"]["labels"].as_object().unwrap();
        let aggregated =
            labels.keys().filter_map(|label| label.strip_prefix("rbac.authorization.k8s.io/aggregate-to-"));
        assert_eq!(aggregated.collect::<std::collections::BTreeSet<_>>(), into.iter().copied().collect());
    }
}

#[test]
fn nothing_is_granted_that_matches_everything() {
    for object in chart::render(&json!({})).unwrap() {
        for rule in object["rules"].as_array().into_iter().flatten() {
            assert!(!rule.to_string().contains('*'), "{} grants {rule}", object["metadata"]["name"]);
        }
    }
}
