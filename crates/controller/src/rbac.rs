//! The permissions that the operator, the pods of nodes and users need, and no others. The Helm chart and the
//! test that runs the operator with exactly these permissions are generated from this table.

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::SecretAccess;

/// Default name of the Lease that decides which replica is active: the same as the Go controller's, so that
/// the two are never active at the same time.
pub const LEASE: &str = "bc1f5b0a.sei.io";
/// ClusterRole of the ServiceAccounts of node pods ([`proxy_rules`]); existing fleets have bindings to it.
pub const PROXY_ROLE: &str = "sei-rbac-proxy";
/// ClusterRole of users and pipelines that submit tasks ([`submitter_rules`]); existing fleets have bindings
/// to it.
pub const SUBMITTER_ROLE: &str = "sei-validator-task-submitter";

/// Group, resources, verbs.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const READ: &[&str] = &["get", "list", "watch"];

/// What the proxies of nodes with TLS require of a client that submits, reads and lists tasks.
const SUBMIT: Row = ("sei.io", &["seinodetasks"], &["create", "get", "list"]);

/// Used in the namespaces of nodes.
const NAMESPACED: &[Row] = &[
    // patch: the finalizer is metadata. create and delete: SeiNodes of a group. get: to take over a group of
    // the Go controller.
    ("sei.io", &["seinodes"], &["get", "list", "watch", "create", "patch", "delete"]),
    ("sei.io", &["seinodedeployments"], &["list", "watch", "patch"]),
    ("sei.io", &["seinodes/status", "seinodedeployments/status", "seinodetasks/status"], &["patch"]),
    // Owner references that block deletion.
    ("sei.io", &["seinodes/finalizers", "seinodedeployments/finalizers"], &["update"]),
    // create, get and list: required by the proxies of nodes with TLS. delete: a SeiNodeTask whose time to live has
    // passed.
    ("sei.io", &["seinodetasks"], &["create", "get", "list", "watch", "delete"]),
    // Server-side apply needs create for an object that does not exist yet.
    ("apps", &["statefulsets"], &["get", "list", "watch", "create", "patch"]),
    ("", &["configmaps"], &["get", "list", "watch", "create", "patch"]),
    // delete: the Service of a bootstrap, and that of a group that is no longer published.
    ("", &["services"], &["get", "list", "watch", "create", "patch", "delete"]),
    // patch: the annotation that the volume holds the state of the chain.
    ("", &["persistentvolumeclaims"], &["get", "list", "watch", "create", "patch", "delete"]),
    // delete: a pod that an update replaces.
    ("", &["pods"], &["list", "watch", "delete"]),
    ("batch", &["jobs"], &["get", "list", "watch", "create", "delete"]),
    // For groups. list: those of every owner, since no two may select the same pod.
    ("policy", &["poddisruptionbudgets"], &["list", "watch", "create", "patch", "delete"]),
    ("gateway.networking.k8s.io", &["httproutes"], &["get", "list", "watch", "create", "patch", "delete"]),
    // list: why the controller of a StatefulSet or Job failed to create a pod.
    ("events.k8s.io", &["events"], &["create", "list"]),
];

/// Cluster-scoped kinds.
const CLUSTER: &[Row] = &[
    // The volume of an imported claim is checked.
    ("", &["persistentvolumes"], &["get"]),
    // In a namespace that is being deleted, finalizers are removed immediately.
    ("", &["namespaces"], &["get"]),
];

/// Has to outlive the Roles of a namespace that is being deleted.
const FINALIZER: Row = ("sei.io", &["seinodes", "seinodedeployments"], &["list", "watch", "patch"]);

const SECRETS: Row = ("", &["secrets"], READ);

/// All rules of the operator for nodes, regardless of the role that grants them.
pub fn rules(secrets: SecretAccess) -> Vec<PolicyRule> {
    [namespaced_rules(secrets), cluster_rules()].concat()
}

/// The rules for the namespaces of nodes: in a Role in each of them, or in a ClusterRole. With
/// [`SecretAccess::Named`] they do not include Secrets: a Role in each namespace has to name those that may
/// be read ([`named_secrets`]).
pub fn namespaced_rules(secrets: SecretAccess) -> Vec<PolicyRule> {
    let secrets = (secrets == SecretAccess::Watch).then_some(SECRETS);
    NAMESPACED.iter().copied().chain(secrets).map(rule).collect()
}

/// The rules that only a ClusterRole can grant.
pub fn cluster_rules() -> Vec<PolicyRule> {
    CLUSTER.iter().copied().map(rule).collect()
}

/// The rules that a ClusterRole has to grant if Roles grant the rest: the deletion of a namespace deletes its
/// Roles before the operator has removed its finalizers, without which the namespace would be terminating
/// forever. The chart limits the rules to the namespaces of the Roles with an admission policy.
pub fn finalizer_rules() -> Vec<PolicyRule> {
    vec![rule(FINALIZER)]
}

/// The rule to read and watch Secrets: all of them, unless names are added.
pub fn secrets() -> PolicyRule {
    rule(SECRETS)
}

/// The rule to read and watch exactly the Secrets `names`.
pub fn named_secrets(names: Vec<String>) -> PolicyRule {
    PolicyRule { resource_names: Some(names), ..secrets() }
}

/// Rules of the ServiceAccount of node pods: their proxies send TokenReviews and SubjectAccessReviews. Both
/// kinds are cluster-scoped, so only a ClusterRoleBinding grants them.
pub fn proxy_rules() -> Vec<PolicyRule> {
    vec![
        rule(("authentication.k8s.io", &["tokenreviews"], &["create"])),
        rule(("authorization.k8s.io", &["subjectaccessreviews"], &["create"])),
    ]
}

/// Rules to authenticate and authorize clients of the operator's metrics, if that is enabled. TokenReviews
/// and SubjectAccessReviews are cluster-scoped, so only a ClusterRoleBinding grants them.
pub fn metrics_auth_rules() -> Vec<PolicyRule> {
    proxy_rules()
}

/// Rules of clients that scrape the operator's metrics, if they are authorized.
pub fn metrics_reader_rules() -> Vec<PolicyRule> {
    vec![PolicyRule {
        non_resource_urls: Some(vec!["/metrics".to_owned()]),
        verbs: vec!["get".to_owned()],
        ..PolicyRule::default()
    }]
}

/// Rules of clients that submit tasks to sidecars behind TLS.
pub fn submitter_rules() -> Vec<PolicyRule> {
    vec![rule(SUBMIT)]
}

/// Rules to view SeiNodes, SeiNodeDeployments and SeiNodeTasks, aggregated to `view`.
pub fn viewer_rules() -> Vec<PolicyRule> {
    vec![rule((
        "sei.io",
        &["seinodes", "seinodedeployments", "seinodedeployments/scale", "seinodetasks"],
        READ,
    ))]
}

/// Rules to manage SeiNodes and SeiNodeDeployments, aggregated to `edit` and `admin`.
pub fn editor_rules() -> Vec<PolicyRule> {
    let write = &["create", "update", "patch", "delete", "deletecollection"];
    vec![
        rule(("sei.io", &["seinodes", "seinodedeployments"], write)),
        rule(("sei.io", &["seinodedeployments/scale"], &["update", "patch"])),
    ]
}

/// Rules to create and delete SeiNodeTasks, aggregated to `edit` and `admin`. The proxies of nodes with TLS accept the same
/// permission, so it allows every task of their sidecars.
pub fn operate_rules() -> Vec<PolicyRule> {
    vec![rule((
        "sei.io",
        &["seinodetasks"],
        &["get", "list", "watch", "create", "delete", "deletecollection"],
    ))]
}

/// Everything needed by an operator that watches all namespaces with the default lease and runs as `account`.
pub fn all_rules(account: &str) -> Vec<PolicyRule> {
    let mut all = rules(SecretAccess::Watch);
    all.extend(lease_rules(LEASE));
    all.push(token_rule(account));
    all
}

/// Rules in the operator's namespace: its lease, called `name`. A rule cannot limit create by name.
pub fn lease_rules(name: &str) -> Vec<PolicyRule> {
    let leases = |verbs| rule(("coordination.k8s.io", &["leases"], verbs));
    vec![
        leases(&["create"]),
        PolicyRule { resource_names: Some(vec![name.to_owned()]), ..leases(&["get", "update"]) },
    ]
}

/// The rule to request tokens for sidecars: only for the ServiceAccount `account`, which the operator runs as
/// and which is in its namespace.
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
