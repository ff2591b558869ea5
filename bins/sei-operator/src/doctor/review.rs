//! What the operator's ServiceAccount may do: the API server is asked for each right of the table.

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    rbac::v1::PolicyRule,
};
use kube::{Api, Client, api::PostParams};
use sei_controller::{SecretAccess, rbac};
use sei_doctor::{Installation, Read, Right};

/// Requests at the same time.
const AT_ONCE: usize = 8;

/// Each right that `installed` needs, and whether it has it.
pub(super) async fn rights(client: &Client, installed: &Installation) -> Read<Vec<(Right, bool)>> {
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let user = format!("system:serviceaccount:{}:{}", installed.namespace, installed.account);
    let (reviews, user) = (&reviews, &user);
    let asked = stream::iter(needed(installed)).map(async |right| {
        let review = SubjectAccessReview { spec: question(user, &right), ..Default::default() };
        let answer =
            reviews.create(&PostParams::default(), &review).await.map_err(|error| error.to_string())?;
        Ok((right, answer.status.is_some_and(|status| status.allowed)))
    });
    asked.buffered(AT_ONCE).try_collect().await
}

fn needed(installed: &Installation) -> Vec<Right> {
    let access = if installed.named_secrets { SecretAccess::Named } else { SecretAccess::Watch };
    let lease = installed.lease.as_deref().unwrap_or(rbac::LEASE);
    let own = [rbac::lease_rules(lease), vec![rbac::token_rule(&installed.account)]].concat();
    let mut places = vec![(None, rbac::cluster_rules()), (Some(&installed.namespace), own)];
    match installed.watched.as_slice() {
        [] => places.push((None, rbac::namespaced_rules(access))),
        watched => places.extend(watched.iter().map(|it| (Some(it), rbac::namespaced_rules(access)))),
    }
    let rights = |(namespace, rules): &(Option<&String>, Vec<PolicyRule>)| {
        rules.iter().flat_map(|rule| of_rule(namespace.cloned(), rule)).collect::<Vec<_>>()
    };
    places.iter().flat_map(rights).collect()
}

fn of_rule(namespace: Option<String>, rule: &PolicyRule) -> Vec<Right> {
    let names: Vec<_> = match rule.resource_names.as_deref() {
        None | Some([]) => vec![None],
        Some(names) => names.iter().cloned().map(Some).collect(),
    };
    let mut rights = Vec::new();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            for (verb, name) in rule.verbs.iter().flat_map(|verb| names.iter().map(move |name| (verb, name)))
            {
                rights.push(Right {
                    namespace: namespace.clone(),
                    group: group.clone(),
                    resource: resource.clone(),
                    verb: verb.clone(),
                    name: name.clone(),
                });
            }
        }
    }
    rights
}

fn question(user: &str, right: &Right) -> SubjectAccessReviewSpec {
    let (resource, subresource) = match right.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource)),
        None => (right.resource.as_str(), None),
    };
    SubjectAccessReviewSpec {
        user: Some(user.to_owned()),
        resource_attributes: Some(ResourceAttributes {
            namespace: right.namespace.clone(),
            group: Some(right.group.clone()),
            resource: Some(resource.to_owned()),
            subresource: subresource.map(str::to_owned),
            verb: Some(right.verb.clone()),
            name: right.name.clone(),
            ..ResourceAttributes::default()
        }),
        ..SubjectAccessReviewSpec::default()
    }
}
