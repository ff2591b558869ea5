//! The desired SeiNode of a seat in a group.

use std::collections::BTreeMap;

use sei_api::{
    SeiNode, SeiNodeDeployment, SeiNodeSpec, labels,
    v1alpha1::{
        GenesisCeremony, LabelPeers, PeerSource,
        deployment::{DeploymentGenesis, NAME_VARIABLE},
    },
};

use crate::{
    owner::owner,
    seat::{Seat, group_name},
};

/// The SeiNode of `seat` from the template, labeled with `revision`.
pub fn child(group: &SeiNodeDeployment, seat: &Seat, revision: &str) -> SeiNode {
    let metadata = group.spec.template.metadata.as_ref();
    let mut labels = metadata.and_then(|metadata| metadata.labels.clone()).unwrap_or_default();
    let spec = spec(group, seat, &labels, revision);
    labels.insert(labels::DEPLOYMENT.to_owned(), group_name(group).to_owned());
    labels.insert(labels::DEPLOYMENT_ORDINAL.to_owned(), seat.ordinal.to_string());
    labels.insert(labels::REVISION.to_owned(), revision.to_owned());
    labels.insert(labels::CHAIN.to_owned(), spec.chain_id.clone());
    let mut node = SeiNode::new(&seat.name, spec);
    node.metadata.namespace = group.metadata.namespace.clone();
    node.metadata.labels = Some(labels);
    node.metadata.annotations = metadata.and_then(|metadata| metadata.annotations.clone());
    // Only the group sets it.
    node.metadata.annotations.iter_mut().for_each(|all| drop(all.remove(labels::SIDECAR_UPDATE_ANNOTATION)));
    node.metadata.owner_references = Some(vec![owner(group)]);
    node
}

fn spec(
    group: &SeiNodeDeployment,
    seat: &Seat,
    template_labels: &BTreeMap<String, String>,
    revision: &str,
) -> SeiNodeSpec {
    let mut spec = group.spec.template.spec.clone();
    let mut pod_labels = template_labels.clone();
    pod_labels.retain(|key, _| !labels::is_reserved(key));
    pod_labels.extend(spec.pod_labels.take().unwrap_or_default());
    pod_labels.extend(seat.color.selector(group));
    pod_labels.insert(labels::REVISION.to_owned(), revision.to_owned());
    spec.pod_labels = Some(pod_labels);
    for reference in references(&mut spec) {
        *reference = reference.replace(NAME_VARIABLE, &seat.name);
    }
    if let (Some(genesis), Some(validator)) = (&group.spec.genesis, &mut spec.validator) {
        validator.genesis_ceremony = Some(ceremony(genesis, seat.ordinal));
        spec.peers.get_or_insert_default().push(members(group));
    }
    spec
}

/// The other validators of a ceremony: the genesis does not list them, and they cannot find each other otherwise.
fn members(group: &SeiNodeDeployment) -> PeerSource {
    let selector = BTreeMap::from([(labels::DEPLOYMENT.to_owned(), group_name(group).to_owned())]);
    PeerSource { label: Some(LabelPeers { selector, namespace: None }), ..PeerSource::default() }
}

/// Every name in a spec that may contain `$(name)`.
fn references(spec: &mut SeiNodeSpec) -> Vec<&mut String> {
    let tls = spec.sidecar.as_mut().and_then(|sidecar| sidecar.tls.as_mut());
    let import = spec.data_volume.as_mut().and_then(|volume| volume.import.as_mut());
    let mut names: Vec<_> = tls.map(|tls| &mut tls.secret_name).into_iter().collect();
    names.extend(import.map(|import| &mut import.pvc_name));
    if let Some(validator) = &mut spec.validator {
        let keys = [&mut validator.signing_key, &mut validator.node_key].into_iter().flatten();
        names.extend(keys.filter_map(|key| key.secret.as_mut()).map(|secret| &mut secret.secret_name));
        let keyring = validator.operator_keyring.as_mut().and_then(|keyring| keyring.secret.as_mut());
        if let Some(keyring) = keyring {
            names.extend([&mut keyring.secret_name, &mut keyring.passphrase_secret_ref.secret_name]);
        }
    }
    names
}

/// The desired SeiNode of `seat`, which is currently `node`: a SeiNode created after the ceremony is not added to it.
pub(crate) fn child_like(node: &SeiNode, group: &SeiNodeDeployment, seat: &Seat, revision: &str) -> SeiNode {
    let mut desired = child(group, seat, revision);
    if !takes_part(node) {
        as_follower(&mut desired);
    }
    desired
}

/// Whether a SeiNode was created for a ceremony.
pub(crate) fn takes_part(node: &SeiNode) -> bool {
    node.spec.validator.as_ref().is_some_and(|validator| validator.genesis_ceremony.is_some())
}

/// Takes a SeiNode out of the ceremony of its group, which completed without it.
pub(crate) fn as_follower(node: &mut SeiNode) {
    if let Some(validator) = &mut node.spec.validator {
        validator.genesis_ceremony = None;
    }
}

fn ceremony(genesis: &DeploymentGenesis, ordinal: u32) -> GenesisCeremony {
    let overrides = genesis.overrides.as_ref().filter(|overrides| !overrides.is_empty());
    GenesisCeremony {
        chain_id: genesis.chain_id.clone(),
        staking_amount: genesis.staking_amount.clone(),
        account_balance: genesis.account_balance.clone(),
        genesis_params: overrides.map(|overrides| serde_json::json!(overrides).to_string()),
        index: i64::from(ordinal),
    }
}
