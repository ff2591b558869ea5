//! The scenarios. Stages run one after the other, the lanes of a stage concurrently, and the scenarios of a lane in
//! order. Each can be run alone: it creates what it needs from others.

mod access;
mod bootstrap;
mod ceremony;
mod cluster;
mod group;
mod hard_fork;
mod install;
mod issued;
mod kubectl;
mod manual_secret;
mod new_chain;
mod node_task;
mod peers;
mod permissions;
mod plain;
mod recreate;
mod reinstall;
mod replicas;
mod serving;
mod tls_rollout;
mod trouble;
mod update;
mod validator;

use futures::future::LocalBoxFuture;

use crate::world::World;

/// A scenario.
pub(crate) struct Scenario {
    /// Name by which it is selected.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    pub(crate) run: for<'a> fn(&'a World) -> LocalBoxFuture<'a, anyhow::Result<()>>,
}

/// Scenarios that run in their order.
pub(crate) type Lane = &'static [Scenario];

macro_rules! scenarios {
    ($([$([$($name:literal, $about:literal => $module:ident;)+])+])+) => {
        /// All of them.
        pub(crate) const STAGES: &[&[Lane]] = &[$(&[$(&[$(Scenario {
            name: $name,
            about: $about,
            run: |world| Box::pin($module::run(world)),
        }),+]),+]),+];
    };
}

scenarios! {
    [
        ["cluster", "a StatefulSet with a sidecar and a volume is ready; names, logs and exec work" => cluster;]
        ["install", "the operator is installed from its chart" => install;]
    ]
    [
        [
            "manual-secret", "a node with TLS whose Secret is created manually" => manual_secret;
            "access", "which clients a node with TLS accepts, and their identity" => access;
            "trouble", "the TLS Secret of a Running node is deleted and made invalid" => trouble;
            "kubectl", "what a user sees with kubectl" => kubectl;
            "bootstrap", "a node with TLS restored from a bucket by a bootstrap Job" => bootstrap;
            "recreate", "TLS is enabled and disabled on an existing node, whose volume is kept" => recreate;
        ]
        [
            "validator", "a validator with keys and keyring" => validator;
            "peers", "two nodes that are each other's peers" => peers;
            "ceremony", "validators that start a chain from a genesis that one of them assembles" => ceremony;
            "group", "a group of three nodes: rolled out, scaled down, deleted" => group;
            "new-chain", "a group of three validators that creates a chain" => new_chain;
        ]
        ["hard-fork", "a chain is upgraded at a height: its nodes halt and then get the new image" => hard_fork;]
        [
            "plain", "a node without TLS" => plain;
            "tls-rollout", "TLS enabled and disabled on a fleet by one command, killed before each step" => tls_rollout;
        ]
    ]
    // The documented commands issue certificates for every SeiNode of the namespace, so no other scenario may
    // create its Secret at the same time.
    [
        [
            "issued", "a node with TLS whose Secret is issued and renewed by cert-manager" => issued;
            "update", "the image is changed and reverted, and set to one that does not exist" => update;
            "serving", "no request to a group fails while its image changes, in place and blue/green" => serving;
        ]
    ]
    [
        [
            "replicas", "the leading operator is killed, and frozen past its lease" => replicas;
            "node-task", "seid is restarted once by a SeiNodeTask although the operator is killed" => node_task;
            "permissions", "no request was denied, and every granted permission was used" => permissions;
            "reinstall", "the operator is uninstalled and reinstalled" => reinstall;
        ]
    ]
}

/// The installation of the operator, which the other scenarios need.
pub(crate) const INSTALL: &str = "install";

/// All scenarios.
pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    STAGES.iter().flat_map(|lanes| lanes.iter().copied().flatten())
}

/// Whether the operator is installed.
pub(crate) async fn is_installed(world: &World) -> anyhow::Result<bool> {
    install::is_installed(world).await
}
