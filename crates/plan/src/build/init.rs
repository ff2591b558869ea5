//! First plans: base, bootstrap and genesis ceremony.

use sei_api::v1alpha1::{GenesisCeremony, NodePhase, TaskPlan};
use sei_node::{Mode, Node, ValidatorStart};

use super::{insert_after, plan, sidecar};
use crate::{PlanInputs, SidecarTask, Task, TaskKind, intent::config_intent};

/// The plan that brings a new node to Running.
pub fn init(node: &Node<'_>, plan_id: &str) -> TaskPlan {
    init_on(node, &PlanInputs::default(), plan_id)
}

/// [`init`], adapted to existing objects: a volume that already holds the state of the chain is only configured, and a
/// remaining pod of another template is replaced.
pub fn init_on(node: &Node<'_>, inputs: &PlanInputs, plan_id: &str) -> TaskPlan {
    let start = if inputs.has_state {
        Start::on_state(inputs)
    } else if node.bootstrap().is_some() {
        Start::Bootstrap
    } else {
        Start::Restore
    };
    let mut plan = first(node, plan_id, start);
    if inputs.is_stale {
        insert_after(&mut plan, TaskKind::ApplyService, &Task::ReplacePod { also: None }, node);
    }
    plan
}

/// How a volume gets its first state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The volume holds the state, and a matching configuration.
    Configure,
    /// The volume holds the state, but no configuration that is known to match.
    Reconfigure,
    /// Restored by the node's own sidecar and seid.
    Restore,
    /// Restored by the sidecar and seid of a bootstrap Job.
    Bootstrap,
}

impl Start {
    /// The start for a volume that holds the state of the chain.
    pub(crate) fn on_state(inputs: &PlanInputs) -> Self {
        if inputs.has_config { Self::Configure } else { Self::Reconfigure }
    }
}

/// The first plan with this start, regardless of the current spec: an earlier plan may have decided it.
pub(crate) fn first(node: &Node<'_>, plan_id: &str, start: Start) -> TaskPlan {
    let tasks = match node.ceremony() {
        Some(ceremony) => genesis(node, ceremony),
        None => match start {
            Start::Configure => base(node, sidecar::with_state(node)),
            Start::Reconfigure => base(node, sidecar::with_state_only(node)),
            Start::Restore => base(node, sidecar::progression(node)),
            Start::Bootstrap => bootstrap(node),
        },
    };
    TaskPlan { failed_phase: Some(NodePhase::Failed), ..plan(node, plan_id, &tasks) }
}

fn base(node: &Node<'_>, of_sidecar: Vec<Task>) -> Vec<Task> {
    let mut tasks = vec![Task::EnsureDataPvc];
    tasks.extend(keys(node));
    tasks.extend(proxy_config(node));
    tasks.extend([Task::ApplyStatefulSet, Task::ApplyService]);
    tasks.extend(of_sidecar);
    tasks.extend(upload(node));
    tasks.push(Task::Sidecar(SidecarTask::MarkReady));
    tasks
}

fn bootstrap(node: &Node<'_>) -> Vec<Task> {
    let mut tasks = vec![Task::EnsureDataPvc];
    tasks.extend(keys(node));
    // The bootstrap pod has the proxy too, and cannot start without its configuration.
    tasks.extend(proxy_config(node));
    tasks.extend([Task::DeployBootstrapService, Task::DeployBootstrapJob]);
    tasks.extend(sidecar::progression(node));
    tasks.push(Task::Sidecar(SidecarTask::MarkReady));
    tasks.extend([Task::AwaitBootstrapComplete, Task::TeardownBootstrap]);
    tasks.extend([Task::ApplyStatefulSet, Task::ApplyService]);
    tasks.extend(sidecar::with_state(node));
    tasks.extend(upload(node));
    tasks.push(Task::Sidecar(SidecarTask::MarkReady));
    tasks
}

fn genesis(node: &Node<'_>, ceremony: &GenesisCeremony) -> Vec<Task> {
    let name = sei_api::names::node(node.object).to_owned();
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
        SidecarTask::ConfigApply(config_intent(node)),
        SidecarTask::SetGenesisPeers,
        SidecarTask::ConfigValidate,
        SidecarTask::MarkReady,
    ];
    tasks.extend(sidecar.map(Task::Sidecar));
    tasks
}

fn keys(node: &Node<'_>) -> Vec<Task> {
    let keys = match &node.mode {
        Mode::Validator { start: ValidatorStart::Chain { keys, .. }, .. } => keys.as_ref(),
        _ => None,
    };
    let keys = keys.into_iter().flat_map(|keys| {
        [
            Task::ValidateSigningKey { secret_name: keys.signing.to_owned() },
            Task::ValidateNodeKey { secret_name: keys.node.to_owned() },
        ]
    });
    keys.chain(keyring(node)).collect()
}

fn keyring(node: &Node<'_>) -> Option<Task> {
    let Mode::Validator { keyring, .. } = &node.mode else { return None };
    keyring.map(|keyring| Task::ValidateOperatorKeyring {
        secret_name: keyring.secret.to_owned(),
        key_name: keyring.key.to_owned(),
        passphrase_secret_name: keyring.passphrase_secret.to_owned(),
        passphrase_secret_key: keyring.passphrase_key.to_owned(),
    })
}

fn proxy_config(node: &Node<'_>) -> Option<Task> {
    node.tls_secret.map(|_| Task::ApplyRbacProxyConfig)
}

fn upload(node: &Node<'_>) -> Option<Task> {
    node.publishes_snapshots().then_some(Task::Sidecar(SidecarTask::SnapshotUpload))
}
