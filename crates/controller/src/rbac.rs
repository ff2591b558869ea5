//! The permissions that the controller needs, and no others. The install files and the test that runs the
//! operator with exactly these rights are made from this table.

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::SecretAccess;

/// Group, resources, verbs, and the calls they are for.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const READ: &[&str] = &["get", "list", "watch"];

const ROWS: &[Row] = &[
    // The finalizer is a patch of metadata.
    ("sei.io", &["seinodes"], &["get", "list", "watch", "patch"]),
    ("sei.io", &["seinodes/status"], &["update"]),
    // Owner references that block deletion.
    ("sei.io", &["seinodes/finalizers"], &["update"]),
    // What proxies of nodes with TLS ask of a caller: tasks are submitted, looked at and listed.
    ("sei.io", &["seinodetasks"], &["create", "get", "list"]),
    // Server-side apply needs create for an object that is not there yet.
    ("apps", &["statefulsets"], &["get", "list", "watch", "create", "patch"]),
    ("", &["configmaps"], &["get", "list", "watch", "create", "patch"]),
    // Deleted: the Service of a bootstrap.
    ("", &["services"], &["get", "list", "watch", "create", "patch", "delete"]),
    ("", &["persistentvolumeclaims"], &["get", "list", "watch", "create", "delete"]),
    ("", &["persistentvolumes"], &["get"]),
    // Deleted: a pod that an update replaces.
    ("", &["pods"], &["get", "list", "watch", "delete"]),
    ("batch", &["jobs"], &["get", "list", "watch", "create", "delete"]),
    ("events.k8s.io", &["events"], &["create"]),
];

/// Rules of the operator's role. With [`SecretAccess::Named`] they hold nothing about Secrets: a Role in each
/// namespace has to name those that may be read ([`named_secrets`]).
pub fn rules(secrets: SecretAccess) -> Vec<PolicyRule> {
    let secrets = (secrets == SecretAccess::Watch).then_some(("", &["secrets"][..], READ));
    ROWS.iter().copied().chain(secrets).map(rule).collect()
}

/// The rule by which the operator may read and watch exactly the Secrets `names`.
pub fn named_secrets(names: Vec<String>) -> PolicyRule {
    PolicyRule { resource_names: Some(names), ..rule(("", &["secrets"], READ)) }
}

/// Rules of the ServiceAccount that node pods run as: their proxies ask the API server who calls and whether
/// they may.
pub fn proxy_rules() -> Vec<PolicyRule> {
    vec![
        rule(("authentication.k8s.io", &["tokenreviews"], &["create"])),
        rule(("authorization.k8s.io", &["subjectaccessreviews"], &["create"])),
    ]
}

/// Rules in the operator's own namespace: the lease that decides which replica works.
pub fn lease_rules() -> Vec<PolicyRule> {
    vec![rule(("coordination.k8s.io", &["leases"], &["get", "create", "update"]))]
}

fn rule((group, resources, verbs): Row) -> PolicyRule {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}
