//! Files that the Helm chart cannot read outside its own directory, copied to `files/`: the CRD, the
//! permissions from the controller's table, the alerts and the dashboard.

use anyhow::Context;
use k8s_openapi::api::rbac::v1::PolicyRule;
use sei_controller::{SecretAccess, rbac};
use serde::Serialize;

/// The permissions by purpose; the templates select from them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Permissions {
    namespaced: Vec<PolicyRule>,
    cluster: Vec<PolicyRule>,
    finalizer: Vec<PolicyRule>,
    secrets: PolicyRule,
    lease: Vec<PolicyRule>,
    token: PolicyRule,
    proxy: Role,
    submitter: Role,
    metrics_auth: Vec<PolicyRule>,
    metrics_reader: Vec<PolicyRule>,
    viewer: Vec<PolicyRule>,
    editor: Vec<PolicyRule>,
    operate: Vec<PolicyRule>,
}

#[derive(Serialize)]
struct Role {
    name: &'static str,
    rules: Vec<PolicyRule>,
}

/// `files/rbac.yaml`.
pub(super) fn permissions() -> anyhow::Result<String> {
    let permissions = Permissions {
        // If Secrets are watched, `secrets` is added.
        namespaced: rbac::namespaced_rules(SecretAccess::Named),
        cluster: rbac::cluster_rules(),
        finalizer: rbac::finalizer_rules(),
        secrets: rbac::secrets(),
        lease: rbac::lease_rules(rbac::LEASE),
        // The template sets the account.
        token: PolicyRule { resource_names: None, ..rbac::token_rule("") },
        proxy: Role { name: rbac::PROXY_ROLE, rules: rbac::proxy_rules() },
        submitter: Role { name: rbac::SUBMITTER_ROLE, rules: rbac::submitter_rules() },
        metrics_auth: rbac::metrics_auth_rules(),
        metrics_reader: rbac::metrics_reader_rules(),
        viewer: rbac::viewer_rules(),
        editor: rbac::editor_rules(),
        operate: rbac::operate_rules(),
    };
    serde_saphyr::to_string(&permissions).context("write the permissions as YAML")
}
