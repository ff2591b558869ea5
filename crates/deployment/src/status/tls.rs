//! The TLS Secrets of a group.

use std::collections::{BTreeMap, BTreeSet};

use sei_api::{
    ClusterDomain, SeiNode, SeiNodeDeployment,
    conditions::{ConditionType, is_true},
    names,
    v1alpha1::deployment::ChildTls,
};

use crate::{
    child::child,
    members::{Members, Place},
};

/// One entry per Secret, for the desired nodes: a Secret that several nodes share needs the names of all. Nodes that do
/// not exist yet are included, so that their certificates can be issued first.
pub(super) fn of(
    group: &SeiNodeDeployment,
    members: &Members,
    domain: &ClusterDomain,
) -> Option<Vec<ChildTls>> {
    group.spec.template.spec.tls()?;
    let mut secrets: BTreeMap<String, ChildTls> = BTreeMap::new();
    for member in &members.wanted {
        let wanted = child(group, member.ordinal, "");
        let Some(tls) = wanted.spec.tls() else { continue };
        let accepted = match &member.place {
            Place::Own(child) => is_accepted(&child.node),
            _ => false,
        };
        let new = || ChildTls { secret_name: tls.secret_name.clone(), ready: true, ..ChildTls::default() };
        let secret = secrets.entry(tls.secret_name.clone()).or_insert_with(new);
        secret.ready &= accepted;
        secret.required_dns_names.extend(names::required_dns_names(&wanted, domain));
    }
    let mut secrets: Vec<_> = secrets.into_values().collect();
    for secret in &mut secrets {
        let mut seen = BTreeSet::new();
        secret.required_dns_names.retain(|name| seen.insert(name.clone()));
    }
    Some(secrets)
}

fn is_accepted(node: &SeiNode) -> bool {
    let status = node.status.as_ref();
    let condition = status.and_then(|status| status.condition(ConditionType::SidecarTlsSecretReady));
    is_true(condition)
}
