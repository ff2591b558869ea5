//! First plans: base, bootstrap and genesis ceremony.

use sei_api::{
    SeiNode,
    v1alpha1::{GenesisCeremony, KeySource, Mode, NodePhase, TaskPlan},
};

use super::{insert_after, plan, sidecar};
use crate::{Ground, SidecarTask, Task, TaskKind, intent::config_intent};

/// The plan that brings a new node to Running. A spec without a mode is not admitted; as a file it is treated
/// as a full node here and refused by [`sei_node::validate`].
pub fn init(node: &SeiNode, plan_id: &str) -> TaskPlan {
    init_on(node, &Ground::default(), plan_id)
}

/// [`init`] on what is there: a volume that holds the state of the chain is only configured. A pod that is left of
/// another template is replaced.
pub fn init_on(node: &SeiNode, ground: &Ground, plan_id: &str) -> TaskPlan {
    let start = if ground.has_state {
        Start::Configure
    } else if node.spec.needs_bootstrap() {
        Start::Bootstrap
    } else {
        Start::Restore
    };
    let mut plan = first(node, plan_id, start);
    if ground.is_stale {
        insert_after(&mut plan, TaskKind::ApplyService, &Task::ReplacePod, node);
    }
    plan
}

/// How a volume gets its first state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// It has it.
    Configure,
    /// By the node's own sidecar and seid.
    Restore,
    /// By those of a bootstrap Job.
    Bootstrap,
}

/// The first plan with this start, whatever the spec says now: the plan before may have decided that.
pub(crate) fn first(node: &SeiNode, plan_id: &str, start: Start) -> TaskPlan {
    let mode = node.spec.mode().unwrap_or(Mode::FullNode);
    let ceremony = node.spec.validator.as_ref().and_then(|validator| validator.genesis_ceremony.as_ref());
    let tasks = match ceremony {
        Some(ceremony) => genesis(node, mode, ceremony),
        None if start == Start::Bootstrap => bootstrap(node, mode),
        None => base(node, mode, start == Start::Configure),
    };
    TaskPlan { failed_phase: Some(NodePhase::Failed), ..plan(node, plan_id, &tasks) }
}

fn base(node: &SeiNode, mode: Mode, has_state: bool) -> Vec<Task> {
    let mut tasks = vec![Task::EnsureDataPvc];
    tasks.extend(keys(node));
    tasks.extend(proxy_config(node));
    tasks.extend([Task::ApplyStatefulSet, Task::ApplyService]);
    tasks.extend(match has_state {
        true => sidecar::with_state(node, mode),
        false => sidecar::progression(node, mode),
    });
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
    tasks.extend(sidecar::with_state(node, mode));
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
