//! The roles grant the permissions of the table in the code, in every mode, to the right subjects and to no others.

use std::collections::BTreeSet;

use k8s_openapi::api::rbac::v1::PolicyRule;
use sei_api::{labels, ports};
use sei_controller::{SecretAccess, rbac};
use sei_testkit::chart::{self, NAMESPACE, RELEASE, find};
use serde_json::{Value, json};

/// The permissions that bindings grant to `subject`: namespace (none for the whole cluster) and rule, in the
/// order of the manifest.
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

/// In a common order.
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
            let own_rules = rbac::lease_rules(rbac::LEASE).into_iter().chain([rbac::token_rule(RELEASE)]);
            let mut wanted: Vec<_> = own_rules.map(|rule| (own(), rule)).collect();
            let everywhere: &[Option<&str>] = &[None];
            let listed: Vec<_> = namespaces.iter().map(|namespace| Some(*namespace)).collect();
            for scope in if listed.is_empty() { everywhere } else { &listed } {
                let rules = rbac::namespaced_rules(secret_access);
                wanted.extend(rules.into_iter().map(|rule| (scope.map(str::to_owned), rule)));
            }
            wanted.extend(rbac::cluster_rules().into_iter().map(|rule| (None, rule)));
            if !listed.is_empty() {
                wanted.extend(rbac::finalizer_rules().into_iter().map(|rule| (None, rule)));
            }
            if secret_access == SecretAccess::Named {
                let rule = rbac::named_secrets(vec!["rpc-0-tls".into(), "key".into()]);
                wanted.push((Some("pacific-1".into()), rule));
            }
            assert_eq!(sorted(granted(&objects, &operator())), sorted(wanted), "{values}");
        }
    }
}

#[test]
fn with_listed_namespaces_the_cluster_role_only_writes_finalizers() {
    let objects = chart::render(&json!({ "watchNamespaces": ["pacific-1"] })).unwrap();
    let role = find(&objects, "ClusterRole", RELEASE).unwrap();
    let rules = json!([
        { "apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["get"] },
        { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] },
        { "apiGroups": ["sei.io"], "resources": ["seinodes", "seinodedeployments"], "verbs": ["list", "watch", "patch"] },
    ]);
    assert_eq!(role["rules"], rules);
    // The policy covers only the namespaces that the Roles do not.
    let policy = &find(&objects, "ValidatingAdmissionPolicy", RELEASE).unwrap()["spec"];
    assert_eq!(policy["validations"][0]["expression"], r#"request.namespace in ["pacific-1"]"#);
    let caller = format!(r#"request.userInfo.username == "system:serviceaccount:{NAMESPACE}:{RELEASE}""#);
    assert_eq!(policy["matchConditions"][0]["expression"], caller);
    let binding = find(&objects, "ValidatingAdmissionPolicyBinding", RELEASE).unwrap();
    assert_eq!(binding["spec"]["policyName"], RELEASE);
    let everywhere = chart::render(&json!({})).unwrap();
    assert!(everywhere.iter().all(|object| object["kind"] != "ValidatingAdmissionPolicy"));
}

#[test]
fn proxies_of_the_listed_namespaces_may_send_reviews() {
    let proxy: Vec<_> = rbac::proxy_rules().into_iter().map(|rule| (None, rule)).collect();
    let listed = [
        (json!({ "nodes": { "namespaces": ["a"] } }), "a"),
        // The watched namespaces are those with nodes.
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
fn the_submitter_role_has_no_bindings() {
    let objects = chart::render(&json!({ "watchNamespaces": ["a"] })).unwrap();
    let role = find(&objects, "ClusterRole", rbac::SUBMITTER_ROLE).unwrap();
    let rules: Vec<PolicyRule> = serde_json::from_value(role["rules"].clone()).unwrap();
    assert_eq!(rules, rbac::submitter_rules());
    assert!(objects.iter().all(|object| object["roleRef"]["name"] != rbac::SUBMITTER_ROLE));
}

#[test]
fn user_roles_are_aggregated_only_if_enabled() {
    let roles = [
        ("sei-operator-view", rbac::viewer_rules(), &["view", "edit", "admin"][..]),
        ("sei-operator-edit", rbac::editor_rules(), &["edit", "admin"][..]),
        ("sei-operator-operate", rbac::operate_rules(), &["edit", "admin"][..]),
    ];
    for aggregate in [false, true] {
        let values = if aggregate { json!({ "clusterRoles": { "aggregate": true } }) } else { json!({}) };
        let objects = chart::render(&values).unwrap();
        for (name, rules, into) in &roles {
            let role = find(&objects, "ClusterRole", name).unwrap();
            assert_eq!(&serde_json::from_value::<Vec<PolicyRule>>(role["rules"].clone()).unwrap(), rules);
            let labels = role["metadata"]["labels"].as_object().unwrap();
            let aggregated = labels
                .keys()
                .filter_map(|label| label.strip_prefix("rbac.authorization.k8s.io/aggregate-to-"));
            let wanted = if aggregate { *into } else { &[] };
            assert_eq!(aggregated.collect::<BTreeSet<_>>(), wanted.iter().copied().collect());
        }
    }
}

#[test]
fn scrapers_need_a_token_only_if_enabled() {
    let values = json!({ "metrics": { "auth": { "enabled": true }, "serviceMonitor": { "enabled": true } } });
    let objects = chart::render(&values).unwrap();
    let rules = |objects: &[Value], name: &str| {
        let role = find(objects, "ClusterRole", name)?;
        Some(serde_json::from_value::<Vec<PolicyRule>>(role["rules"].clone()).unwrap())
    };
    assert_eq!(rules(&objects, "sei-operator-metrics-auth"), Some(rbac::metrics_auth_rules()));
    assert_eq!(rules(&objects, "sei-operator-metrics-reader"), Some(rbac::metrics_reader_rules()));
    let asking = rbac::metrics_auth_rules().into_iter().map(|rule| (None, rule));
    let granted = granted(&objects, &operator());
    assert!(asking.into_iter().all(|right| granted.contains(&right)));
    let monitor = &find(&objects, "ServiceMonitor", RELEASE).unwrap()["spec"]["endpoints"][0];
    assert!(monitor["bearerTokenFile"].is_string());
    let default = chart::render(&json!({})).unwrap();
    assert_eq!(rules(&default, "sei-operator-metrics-auth"), None);
    assert_eq!(rules(&default, "sei-operator-metrics-reader"), None);
}

#[test]
fn with_a_network_policy_pods_of_nodes_accept_only_p2p() {
    let none = chart::render(&json!({ "nodes": { "namespaces": ["a"] } })).unwrap();
    assert!(find(&none, "NetworkPolicy", "sei-operator-nodes").is_none());
    let values = json!({ "nodes": { "namespaces": ["a"], "networkPolicy": {
        "enabled": true,
        "clients": [{ "namespaceSelector": {} }],
    } } });
    let objects = chart::render(&values).unwrap();
    let spec = &find(&objects, "NetworkPolicy", "sei-operator-nodes").unwrap()["spec"];
    let selected = json!({ "matchExpressions": [{ "key": labels::NODE, "operator": "Exists" }] });
    assert_eq!(spec["podSelector"], selected);

    let mut opened = BTreeSet::new();
    for rule in spec["ingress"].as_array().unwrap() {
        for port in rule["ports"].as_array().unwrap() {
            let port = u16::try_from(port["port"].as_u64().unwrap()).unwrap();
            opened.insert(port);
            let is_p2p = ports::SEID.contains(&("p2p", port));
            assert_eq!(rule["from"].is_null(), is_p2p, "{port}");
            if [ports::SIDECAR_DEFAULT, ports::RBAC_PROXY].contains(&port) {
                let operator = &find(&objects, "Deployment", RELEASE).unwrap()["spec"]["selector"];
                assert_eq!(rule["from"].as_array().unwrap().len(), 1);
                assert_eq!(&rule["from"][0]["podSelector"], operator);
            }
        }
    }
    let mut all: BTreeSet<u16> = ports::SEID.iter().map(|(_, port)| *port).collect();
    all.extend([ports::SIDECAR_DEFAULT, ports::RBAC_PROXY]);
    // No client scrapes unless it is listed.
    all.retain(|port| !ports::SEID.contains(&("metrics", *port)));
    assert_eq!(opened, all);
}

#[test]
fn no_rule_has_a_wildcard() {
    for object in chart::render(&json!({})).unwrap() {
        for rule in object["rules"].as_array().into_iter().flatten() {
            assert!(!rule.to_string().contains('*'), "{} grants {rule}", object["metadata"]["name"]);
        }
    }
}
