//! The scenarios, in the order in which they run. Each can be run alone on a cluster that is up, after `install`.

mod access;
mod bootstrap;
mod by_hand;
mod cluster;
mod install;
mod issued;
mod kubectl;
mod peers;
mod permissions;
mod plain;
mod recreate;
mod reinstall;
mod replicas;
mod trouble;
mod update;
mod validator;

use futures::future::LocalBoxFuture;

use crate::world::World;

/// Something that must be seen to work.
pub(crate) struct Scenario {
    /// Name, to choose it by.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    pub(crate) run: for<'a> fn(&'a World) -> LocalBoxFuture<'a, anyhow::Result<()>>,
}

macro_rules! scenarios {
    ($($name:literal, $about:literal => $module:ident;)+) => {
        /// All of them.
        pub(crate) const SCENARIOS: &[Scenario] = &[$(Scenario {
            name: $name,
            about: $about,
            run: |world| Box::pin($module::run(world)),
        }),+];
    };
}

scenarios! {
    "cluster", "a StatefulSet with a sidecar and a volume is ready; names, logs and exec work" => cluster;
    "install", "the operator is installed from its chart" => install;
    "plain", "a node without TLS" => plain;
    "by-hand", "a node with TLS, its Secret made by hand" => by_hand;
    "access", "who may call a node with TLS, and as whom" => access;
    "trouble", "the TLS Secret is deleted and broken under a Running node" => trouble;
    "issued", "a node with TLS, its Secret made and renewed by cert-manager" => issued;
    "update", "the image goes there and back, and to one that does not exist" => update;
    "recreate", "TLS turned on and off for a node that exists, its volume kept" => recreate;
    "bootstrap", "a node with TLS restored by a bootstrap Job" => bootstrap;
    "validator", "a validator with keys and keyring" => validator;
    "peers", "two nodes that are each other's peers" => peers;
    "kubectl", "what a person sees with kubectl" => kubectl;
    "replicas", "the leading operator is killed, and frozen past its lease" => replicas;
    "permissions", "no request was denied, and no right was granted in vain" => permissions;
    "reinstall", "the operator is uninstalled and installed again" => reinstall;
}
