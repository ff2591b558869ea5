//! First plans: base, bootstrap and genesis ceremony.

use sei_api::{
    SeiNode,
    v1alpha1::{GenesisCeremony, KeySource, Mode, NodePhase, TaskPlan},
};

use super::{plan, sidecar};
use crate::{SidecarTask, Task, intent::config_intent};

/// The plan that brings a new node to Running. A spec without a mode is not admitted; as a file it is treated
/// as a full node here and refused by [`crate::validate`].
pub fn init(node: &SeiNode, plan_id: &str) -> TaskPlan {
    first(node, plan_id, node.spec.needs_bootstrap())
}

/// [`init`], with or without a bootstrap whatever the spec says now: the plan before may have decided that.
pub(crate) fn first(node: &SeiNode, plan_id: &str, with_bootstrap: bool) -> TaskPlan {
    let mode = node.spec.mode().unwrap_or(Mode::FullNode);
    let ceremony = node.spec.validator.as_ref().and_then(|validator| validator.genesis_ceremony.as_ref());
    let tasks = match ceremony {
        Some(ceremony) => genesis(node, mode, ceremony),
        None if with_bootstrap => bootstrap(node, mode),
        None => base(node, mode),
    };
    TaskPlan { failed_phase: Some(NodePhase::Failed), ..plan(node, plan_id, &tasks) }
}

fn base(node: &SeiNode, mode: Mode) -> Vec<Task> {
    let mut tasks = vec![Task::EnsureDataPvc];
    tasks.extend(keys(node));
    tasks.extend(proxy_config(node));
    tasks.extend([Task::ApplyStatefulSet, Task::ApplyService]);
    tasks.extend(sidecar::progression(node, mode));
    tasks.extend(upload(node));
    tasks.push(Task::Sidecar(SidecarTask::MarkReady));
    tasks
}

fn bootstrap(node: &SeiNode, mode: Mode) -> Vec<Task> {
    let mut tasks = vec![Task::EnsureDataPvc];
    tasks.extend(keys(node));
    // The bootstrap pod has the proxy too, and cannot start without its configuration.
    tasks.extend(proxy_config(node));
    tasks.extend([Task::DeployBootstrapService, Task::DeployBootstrapJob]);
    tasks.extend(sidecar::progression(node, mode));
    tasks.push(Task::Sidecar(SidecarTask::MarkReady));
    tasks.extend([Task::AwaitBootstrapComplete, Task::TeardownBootstrap]);
    tasks.extend([Task::ApplyStatefulSet, Task::ApplyService]);
    tasks.extend(sidecar::after_bootstrap(node, mode));
    tasks.extend(upload(node));
    tasks.push(Task::Sidecar(SidecarTask::MarkReady));
    tasks
}

fn genesis(node: &SeiNode, mode: Mode, ceremony: &GenesisCeremony) -> Vec<Task> {
    let name = sei_api::names::node(node).to_owned();
    let mut tasks = vec![Task::EnsureDataPvc];
    tasks.extend(keyring(node));
    tasks.extend(proxy_config(node));
    tasks.extend([Task::ApplyStatefulSet, Task::ApplyService]);
    let sidecar = [
        SidecarTask::GenerateIdentity { chain_id: ceremony.chain_id.clone(), moniker: name.clone() },
        SidecarTask::GenerateGentx {
            chain_id: ceremony.chain_id.clone(),
            staking_amount: ceremony.staking_amount.clone(),
            account_balance: ceremony.account_balance.clone(),
            genesis_params: ceremony.genesis_params.clone().unwrap_or_default(),
        },
        SidecarTask::UploadGenesisArtifacts { node_name: name },
        SidecarTask::ConfigureGenesis,
        SidecarTask::ConfigApply(config_intent(node, mode)),
        SidecarTask::SetGenesisPeers,
        SidecarTask::ConfigValidate,
        SidecarTask::MarkReady,
    ];
    tasks.extend(sidecar.map(Task::Sidecar));
    tasks
}

fn keys(node: &SeiNode) -> Vec<Task> {
    let Some(validator) = &node.spec.validator else { return Vec::new() };
    let name = |key: &Option<KeySource>| {
        let name = key.as_ref()?.secret.as_ref()?.secret_name.clone();
        (!name.is_empty()).then_some(name)
    };
    let signing = name(&validator.signing_key).map(|secret_name| Task::ValidateSigningKey { secret_name });
    let node_key = name(&validator.node_key).map(|secret_name| Task::ValidateNodeKey { secret_name });
    signing.into_iter().chain(node_key).chain(keyring(node)).collect()
}

fn keyring(node: &SeiNode) -> Option<Task> {
    let keyring = node.spec.validator.as_ref()?.operator_keyring.as_ref()?.secret.as_ref()?;
    (!keyring.secret_name.is_empty()).then(|| Task::ValidateOperatorKeyring {
        secret_name: keyring.secret_name.clone(),
        key_name: keyring.key_name().to_owned(),
        passphrase_secret_name: keyring.passphrase_secret_ref.secret_name.clone(),
        passphrase_secret_key: keyring.passphrase_secret_ref.key.clone(),
    })
}

fn proxy_config(node: &SeiNode) -> Option<Task> {
    node.spec.tls().map(|_| Task::ApplyRbacProxyConfig)
}

fn upload(node: &SeiNode) -> Option<Task> {
    node.spec.publishes_snapshots().then_some(Task::Sidecar(SidecarTask::SnapshotUpload))
}
