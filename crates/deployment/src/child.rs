//! The desired SeiNode of an ordinal.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use sei_api::{
    SeiNode, SeiNodeDeployment, SeiNodeSpec, labels,
    v1alpha1::{
        GenesisCeremony, LabelPeers, PeerSource,
        deployment::{DeploymentGenesis, NAME_VARIABLE},
    },
};

/// Name of the SeiNode of `ordinal`.
pub fn child_name(group: &SeiNodeDeployment, ordinal: u32) -> String {
    format!("{}-{ordinal}", group_name(group))
}

/// The ordinal in the name of a SeiNode, if the name follows the scheme of `group`.
pub(crate) fn ordinal_of(group: &SeiNodeDeployment, name: &str) -> Option<u32> {
    let ordinal = name.strip_prefix(group_name(group))?.strip_prefix('-')?.parse().ok()?;
    (child_name(group, ordinal) == name).then_some(ordinal)
}

/// The SeiNode of `ordinal` from the template, labeled with `revision`.
pub fn child(group: &SeiNodeDeployment, ordinal: u32, revision: &str) -> SeiNode {
    let name = child_name(group, ordinal);
    let metadata = group.spec.template.metadata.as_ref();
    let mut labels = metadata.and_then(|metadata| metadata.labels.clone()).unwrap_or_default();
    let spec = spec(group, ordinal, &name, &labels, revision);
    labels.extend(of_group(group, revision));
    labels.insert(labels::DEPLOYMENT_ORDINAL.to_owned(), ordinal.to_string());
    labels.insert(labels::CHAIN.to_owned(), spec.chain_id.clone());
    let mut node = SeiNode::new(&name, spec);
    node.metadata.namespace = group.metadata.namespace.clone();
    node.metadata.labels = Some(labels);
    node.metadata.annotations = metadata.and_then(|metadata| metadata.annotations.clone());
    node.metadata.owner_references = Some(vec![owner(group)]);
    node
}

/// The reference that makes `group` the controller of an object.
pub(crate) fn owner(group: &SeiNodeDeployment) -> OwnerReference {
    OwnerReference {
        api_version: SeiNodeDeployment::api_version(&()).into_owned(),
        block_owner_deletion: Some(true),
        controller: Some(true),
        kind: SeiNodeDeployment::kind(&()).into_owned(),
        name: group_name(group).to_owned(),
        uid: group.metadata.uid.clone().unwrap_or_default(),
    }
}

pub(crate) fn group_name(group: &SeiNodeDeployment) -> &str {
    group.metadata.name.as_deref().unwrap_or_default()
}

fn of_group(group: &SeiNodeDeployment, revision: &str) -> [(String, String); 2] {
    [
        (labels::DEPLOYMENT.to_owned(), group_name(group).to_owned()),
        (labels::REVISION.to_owned(), revision.to_owned()),
    ]
}

fn spec(
    group: &SeiNodeDeployment,
    ordinal: u32,
    name: &str,
    template_labels: &BTreeMap<String, String>,
    revision: &str,
) -> SeiNodeSpec {
    let mut spec = group.spec.template.spec.clone();
    let mut pod_labels = template_labels.clone();
    pod_labels.retain(|key, _| !labels::is_reserved(key));
    pod_labels.extend(spec.pod_labels.take().unwrap_or_default());
    pod_labels.extend(of_group(group, revision));
    spec.pod_labels = Some(pod_labels);
    for reference in references(&mut spec) {
        *reference = reference.replace(NAME_VARIABLE, name);
    }
    if let (Some(genesis), Some(validator)) = (&group.spec.genesis, &mut spec.validator) {
        validator.genesis_ceremony = Some(ceremony(genesis, ordinal));
        spec.peers.get_or_insert_default().push(members(group));
    }
    spec
}

/// The other validators of a ceremony: no genesis names them, and nothing else lets them find each other.
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

/// The SeiNode of `ordinal` that `node` is to become: one that was created after the ceremony is not put into it.
pub(crate) fn child_like(node: &SeiNode, group: &SeiNodeDeployment, ordinal: u32, revision: &str) -> SeiNode {
    let mut desired = child(group, ordinal, revision);
    if !takes_part(node) {
        as_follower(&mut desired);
    }
    desired
}

/// Whether a SeiNode was created for a ceremony.
pub(crate) fn takes_part(node: &SeiNode) -> bool {
    node.spec.validator.as_ref().is_some_and(|validator| validator.genesis_ceremony.is_some())
}

/// Takes a SeiNode out of the ceremony of its group, which is over without it.
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
