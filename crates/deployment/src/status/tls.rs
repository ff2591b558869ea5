//! The TLS Secrets of a group.

use std::collections::{BTreeMap, BTreeSet};

use sei_api::{
    ClusterDomain, SeiNode, SeiNodeDeployment,
    conditions::{ConditionType, is_true},
    names,
    v1alpha1::deployment::{ChildTls, StrategyType},
};

use crate::{
    blue_green::BlueGreen,
    child::child,
    members::{Members, Set},
};

/// One entry per Secret, for the desired nodes: a Secret that several nodes share needs the names of all of them. Nodes
/// that do not exist yet are included, so that their certificates can be issued first: with BlueGreen those of both
/// sets.
pub(super) fn of(
    group: &SeiNodeDeployment,
    members: &Members,
    replacement: Option<&BlueGreen<'_>>,
    domain: &ClusterDomain,
) -> Option<Vec<ChildTls>> {
    group.spec.template.spec.tls()?;
    let mut secrets = BTreeMap::new();
    add(&mut secrets, group, &members.serving, true, domain);
    if group.spec.update_strategy.type_ == StrategyType::BlueGreen {
        add(&mut secrets, group, &members.other, replacement.is_some(), domain);
    }
    Some(secrets.into_values().map(Needed::into_entry).collect())
}

/// A Secret and the nodes that need it.
#[derive(Default)]
struct Needed {
    secret_name: String,
    dns_names: Vec<String>,
    /// Whether each node that must use it now accepts it.
    accepted: Vec<bool>,
}

impl Needed {
    fn into_entry(self) -> ChildTls {
        let mut seen = BTreeSet::new();
        let names = self.dns_names.into_iter().filter(|name| seen.insert(name.clone())).collect();
        let ready = !self.accepted.is_empty() && self.accepted.into_iter().all(|accepted| accepted);
        ChildTls { secret_name: self.secret_name, required_dns_names: names, ready }
    }
}

/// Adds the Secrets of a set, which its nodes use now or later.
fn add(
    secrets: &mut BTreeMap<String, Needed>,
    group: &SeiNodeDeployment,
    set: &Set,
    now: bool,
    domain: &ClusterDomain,
) {
    for member in &set.wanted {
        let wanted = child(group, &member.seat, "");
        let Some(tls) = wanted.spec.tls() else { continue };
        let secret = secrets.entry(tls.secret_name.clone()).or_default();
        secret.secret_name = tls.secret_name.clone();
        secret.dns_names.extend(names::required_dns_names(&wanted, domain));
        let accepted = now.then(|| member.child().is_some_and(|child| is_accepted(&child.node)));
        secret.accepted.extend(accepted);
    }
}

fn is_accepted(node: &SeiNode) -> bool {
    let status = node.status.as_ref();
    let condition = status.and_then(|status| status.condition(ConditionType::SidecarTlsSecretReady));
    is_true(condition)
}
