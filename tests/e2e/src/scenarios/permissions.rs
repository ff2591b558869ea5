//! The requests of the operator in all scenarios, compared with its permissions.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::{Api, api::ListParams};

use super::install::{OPERATOR, RELEASE};
use crate::{
    audit::{self, Call},
    report::seen,
    world::World,
};

/// Group, resource, verb.
type Right = (String, String, String);

/// Permissions that do not have to be used by a request, and why they are granted.
const UNSEEN: &[(&str, &str, &[&str], &str)] = &[
    (
        "sei.io",
        "seinodetasks",
        &["create", "get", "list"],
        "checked by the proxies of nodes, about the operator",
    ),
    ("sei.io", "seinodes", &["get"], "read where a group of the Go controller is taken over"),
    ("", "persistentvolumes", &["get"], "read where a node imports a claim"),
    ("", "configmaps", &["get"], "read after a conflict, to find the owner of the object"),
    (
        "policy",
        "poddisruptionbudgets",
        &["delete"],
        "deleted where another budget selects the pods of a group",
    ),
    (
        "gateway.networking.k8s.io",
        "httproutes",
        &["get", "list", "watch", "create", "patch", "delete"],
        "used where the operator has been given a Gateway",
    ),
    (
        "sei.io",
        "seinodes/finalizers",
        &["update"],
        "checked where admission plugin OwnerReferencesPermissionEnforcement is on, about owners that block deletion",
    ),
    (
        "sei.io",
        "seinodedeployments/finalizers",
        &["update"],
        "checked where admission plugin OwnerReferencesPermissionEnforcement is on, about owners that block deletion",
    ),
];

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let calls = none_denied(world, "")?;
    ensure!(!calls.is_empty(), "the audit log has no requests of the operator");
    if !world.is_complete {
        seen("skipped: whether every permission was used, since not all earlier scenarios ran and passed");
        return Ok(());
    }
    let used: BTreeSet<Right> = calls
        .iter()
        .flat_map(|call| {
            // Applying an object that does not exist needs both permissions, and is logged as this.
            let created = (call.verb == "patch" && call.code == 201).then_some("create");
            let verbs = [call.verb.as_str()].into_iter().chain(created);
            verbs.map(|verb| (call.group.clone(), call.resource.clone(), verb.to_owned()))
        })
        .collect();
    let unused: Vec<_> = granted(world)
        .await?
        .into_iter()
        .filter(|right| !used.contains(right))
        .filter(|(group, resource, verb)| {
            let is_it = |(g, r, verbs, _): &(&str, &str, &[&str], &str)| {
                g == group && r == resource && verbs.contains(&verb.as_str())
            };
            !UNSEEN.iter().any(is_it)
        })
        .collect();
    ensure!(unused.is_empty(), "granted and never used: {unused:?}");
    seen(format!("every granted permission was used ({} of them), except:", used.len()));
    for (group, resource, verbs, why) in UNSEEN {
        seen(format!("{} {resource}.{group}: {why}", verbs.join(", ")));
    }
    Ok(())
}

/// The requests of the operator after a time, none of which may have been denied.
pub(super) fn none_denied(world: &World, after: &str) -> anyhow::Result<Vec<Call>> {
    let mut calls = requests(world)?;
    calls.retain(|call| call.at.as_str() > after);
    let denied: Vec<_> = calls.iter().filter(|call| call.denied || call.code == 403).collect();
    ensure!(denied.is_empty(), "denied: {denied:#?}");
    seen(format!("{} requests by the operator, none denied", calls.len()));
    Ok(calls)
}

/// The requests of the operator so far.
pub(super) fn requests(world: &World) -> anyhow::Result<Vec<Call>> {
    audit::of(world, &audit::account(OPERATOR, RELEASE))
}

/// All permissions in the operator's roles.
async fn granted(world: &World) -> anyhow::Result<BTreeSet<Right>> {
    let clusters: Api<ClusterRole> = Api::all(world.client.clone());
    let mut rules = clusters.get(RELEASE).await.context("get the ClusterRole")?.rules.unwrap_or_default();
    let roles: Api<Role> = Api::all(world.client.clone());
    let ours = ListParams::default().labels(&format!("app.kubernetes.io/instance={RELEASE}"));
    for role in roles.list(&ours).await.context("list Roles")? {
        rules.extend(role.rules.unwrap_or_default());
    }
    Ok(rules.iter().flat_map(rights).collect())
}

fn rights(rule: &PolicyRule) -> Vec<Right> {
    let mut rights = Vec::new();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            rights.extend(rule.verbs.iter().map(|verb| (group.clone(), resource.clone(), verb.clone())));
        }
    }
    rights
}
