//! The permissions that the operator, the pods of nodes and people need, and no others. The Helm chart and the test
//! that runs the operator with exactly these rights are made from this table.

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::SecretAccess;

/// Default name of the Lease that decides which replica is active: the Go controller's, so that the two are never
/// active at the same time.
pub const LEASE: &str = "bc1f5b0a.sei.io";
/// ClusterRole of the ServiceAccounts that node pods run as ([`proxy_rules`]); bindings to it exist in fleets.
pub const PROXY_ROLE: &str = "sei-rbac-proxy";
/// ClusterRole of people and pipelines that submit tasks ([`submitter_rules`]); bindings to it exist in fleets.
pub const SUBMITTER_ROLE: &str = "sei-validator-task-submitter";

/// Group, resources, verbs.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const READ: &[&str] = &["get", "list", "watch"];

/// What proxies of nodes with TLS require of a caller that submits, reads and lists tasks.
const SUBMIT: Row = ("sei.io", &["seinodetasks"], &["create", "get", "list"]);

/// Read and written in the namespaces of nodes.
const NAMESPACED: &[Row] = &[
    // The finalizer is a patch of metadata. Created and deleted: those of a group. Read: to take over a group of the Go
    // controller.
    ("sei.io", &["seinodes"], &["get", "list", "watch", "create", "patch", "delete"]),
    ("sei.io", &["seinodedeployments"], &["list", "watch", "patch"]),
    ("sei.io", &["seinodes/status", "seinodedeployments/status"], &["patch"]),
    // Owner references that block deletion.
    ("sei.io", &["seinodes/finalizers", "seinodedeployments/finalizers"], &["update"]),
    SUBMIT,
    // Server-side apply needs create for an object that is not there yet.
    ("apps", &["statefulsets"], &["get", "list", "watch", "create", "patch"]),
    ("", &["configmaps"], &["get", "list", "watch", "create", "patch"]),
    // Deleted: the Service of a bootstrap.
    ("", &["services"], &["get", "list", "watch", "create", "patch", "delete"]),
    // Patched: the annotation that its volume holds the state of the chain.
    ("", &["persistentvolumeclaims"], &["get", "list", "watch", "create", "patch", "delete"]),
    // Deleted: a pod that an update replaces.
    ("", &["pods"], &["list", "watch", "delete"]),
    ("batch", &["jobs"], &["get", "list", "watch", "create", "delete"]),
    // Listed: why the controller of a StatefulSet or Job failed to create a pod.
    ("events.k8s.io", &["events"], &["create", "list"]),
];

/// Of kinds that are in no namespace.
const CLUSTER: &[Row] = &[
    // The volume behind an imported claim is judged.
    ("", &["persistentvolumes"], &["get"]),
    // In a namespace that is being deleted, finalizers are removed at once.
    ("", &["namespaces"], &["get"]),
];

/// What outlives the Roles of a namespace that is being deleted.
const FINALIZER: Row = ("sei.io", &["seinodes", "seinodedeployments"], &["list", "watch", "patch"]);

const SECRETS: Row = ("", &["secrets"], READ);

/// Every rule of the operator over nodes, in whatever role it is granted.
pub fn rules(secrets: SecretAccess) -> Vec<PolicyRule> {
    [namespaced_rules(secrets), cluster_rules()].concat()
}

/// What the operator needs where nodes are: in a Role in each of their namespaces, or in a ClusterRole. With
/// [`SecretAccess::Named`] it holds nothing about Secrets: a Role in each namespace has to name those that may
/// be read ([`named_secrets`]).
pub fn namespaced_rules(secrets: SecretAccess) -> Vec<PolicyRule> {
    let secrets = (secrets == SecretAccess::Watch).then_some(SECRETS);
    NAMESPACED.iter().copied().chain(secrets).map(rule).collect()
}

/// What only a ClusterRole can grant the operator.
pub fn cluster_rules() -> Vec<PolicyRule> {
    CLUSTER.iter().copied().map(rule).collect()
}

/// What a ClusterRole has to grant where Roles grant the rest: the deletion of a namespace takes the Roles in it before
/// the operator has removed its finalizers, without which the namespace never ends. The chart limits it to the
/// namespaces of the Roles by an admission policy.
pub fn finalizer_rules() -> Vec<PolicyRule> {
    vec![rule(FINALIZER)]
}

/// The rule by which the operator reads and watches Secrets: all of them, unless names are added to it.
pub fn secrets() -> PolicyRule {
    rule(SECRETS)
}

/// The rule by which the operator may read and watch exactly the Secrets `names`.
pub fn named_secrets(names: Vec<String>) -> PolicyRule {
    PolicyRule { resource_names: Some(names), ..secrets() }
}

/// Rules of the ServiceAccount that node pods run as: their proxies ask the API server who calls and whether
/// they may. Both kinds are in no namespace, so only a ClusterRoleBinding grants them.
pub fn proxy_rules() -> Vec<PolicyRule> {
    vec![
        rule(("authentication.k8s.io", &["tokenreviews"], &["create"])),
        rule(("authorization.k8s.io", &["subjectaccessreviews"], &["create"])),
    ]
}

/// Rules by which the operator asks the API server who scrapes its metrics and whether they may, where that is
/// switched on. Both kinds are in no namespace, so only a ClusterRoleBinding grants them.
pub fn metrics_auth_rules() -> Vec<PolicyRule> {
    proxy_rules()
}

/// Rules of those who scrape the operator's metrics, where it asks.
pub fn metrics_reader_rules() -> Vec<PolicyRule> {
    vec![PolicyRule {
        non_resource_urls: Some(vec!["/metrics".to_owned()]),
        verbs: vec!["get".to_owned()],
        ..PolicyRule::default()
    }]
}

/// Rules of those who submit tasks to sidecars behind TLS.
pub fn submitter_rules() -> Vec<PolicyRule> {
    vec![rule(SUBMIT)]
}

/// Rules of those who view SeiNodes and SeiNodeDeployments, for the cluster's `view`.
pub fn viewer_rules() -> Vec<PolicyRule> {
    vec![rule(("sei.io", &["seinodes", "seinodedeployments", "seinodedeployments/scale"], READ))]
}

/// Rules of those who run SeiNodes and SeiNodeDeployments, for the cluster's `edit` and `admin`.
pub fn editor_rules() -> Vec<PolicyRule> {
    let write = &["create", "update", "patch", "delete", "deletecollection"];
    vec![
        rule(("sei.io", &["seinodes", "seinodedeployments"], write)),
        rule(("sei.io", &["seinodedeployments/scale"], &["update", "patch"])),
    ]
}

/// Rules in the operator's own namespace: its one lease, called `name`. A name cannot limit who may create.
pub fn lease_rules(name: &str) -> Vec<PolicyRule> {
    let leases = |verbs| rule(("coordination.k8s.io", &["leases"], verbs));
    vec![
        leases(&["create"]),
        PolicyRule { resource_names: Some(vec![name.to_owned()]), ..leases(&["get", "update"]) },
    ]
}

/// The rule by which the operator requests tokens for sidecars: for the ServiceAccount `account`, which it runs as and
/// which is in its own namespace, and for no other.
pub fn token_rule(account: &str) -> PolicyRule {
    PolicyRule {
        resource_names: Some(vec![account.to_owned()]),
        ..rule(("", &["serviceaccounts/token"], &["create"]))
    }
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
