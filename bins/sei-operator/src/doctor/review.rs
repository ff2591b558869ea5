//! Asks the API server for each permission of the operator's ServiceAccount.

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    rbac::v1::PolicyRule,
};
use kube::{Api, Client, api::PostParams};
use sei_controller::{SecretAccess, error_message, rbac};
use sei_doctor::{Installation, Permission, Read};

/// Maximum number of concurrent requests.
const AT_ONCE: usize = 8;

/// Each permission that `installed` needs, and whether it is granted.
pub(super) async fn permissions(client: &Client, installed: &Installation) -> Read<Vec<(Permission, bool)>> {
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let user = format!("system:serviceaccount:{}:{}", installed.namespace, installed.account);
    let (reviews, user) = (&reviews, &user);
    let asked = stream::iter(needed(installed)).map(async |permission| {
        let review = SubjectAccessReview { spec: question(user, &permission), ..Default::default() };
        let answer =
            reviews.create(&PostParams::default(), &review).await.map_err(|error| error_message(&error))?;
        Ok((permission, answer.status.is_some_and(|status| status.allowed)))
    });
    asked.buffered(AT_ONCE).try_collect().await
}

fn needed(installed: &Installation) -> Vec<Permission> {
    let access = if installed.named_secrets { SecretAccess::Named } else { SecretAccess::Watch };
    let lease = installed.lease.as_deref().unwrap_or(rbac::LEASE);
    let own = [rbac::lease_rules(lease), vec![rbac::token_rule(&installed.account)]].concat();
    let mut places = vec![(None, rbac::cluster_rules()), (Some(&installed.namespace), own)];
    match installed.watched.as_slice() {
        [] => places.push((None, rbac::namespaced_rules(access))),
        watched => places.extend(watched.iter().map(|it| (Some(it), rbac::namespaced_rules(access)))),
    }
    let permissions = |(namespace, rules): &(Option<&String>, Vec<PolicyRule>)| {
        rules.iter().flat_map(|rule| of_rule(namespace.cloned(), rule)).collect::<Vec<_>>()
    };
    places.iter().flat_map(permissions).collect()
}

fn of_rule(namespace: Option<String>, rule: &PolicyRule) -> Vec<Permission> {
    let names: Vec<_> = match rule.resource_names.as_deref() {
        None | Some([]) => vec![None],
        Some(names) => names.iter().cloned().map(Some).collect(),
    };
    let mut permissions = Vec::new();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            for (verb, name) in rule.verbs.iter().flat_map(|verb| names.iter().map(move |name| (verb, name)))
            {
                permissions.push(Permission {
                    namespace: namespace.clone(),
                    group: group.clone(),
                    resource: resource.clone(),
                    verb: verb.clone(),
                    name: name.clone(),
                });
            }
        }
    }
    permissions
}

fn question(user: &str, permission: &Permission) -> SubjectAccessReviewSpec {
    let (resource, subresource) = match permission.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource)),
        None => (permission.resource.as_str(), None),
    };
    SubjectAccessReviewSpec {
        user: Some(user.to_owned()),
        resource_attributes: Some(ResourceAttributes {
            namespace: permission.namespace.clone(),
            group: Some(permission.group.clone()),
            resource: Some(resource.to_owned()),
            subresource: subresource.map(str::to_owned),
            verb: Some(permission.verb.clone()),
            name: permission.name.clone(),
            ..ResourceAttributes::default()
        }),
        ..SubjectAccessReviewSpec::default()
    }
}
