//! Files given on the command line, and the platform settings from the environment.

use std::{cell::OnceCell, collections::BTreeMap, fmt::Display, path::Path};

use k8s_openapi::api::core::v1::Secret;
use sei_api::{ClusterDomain, SeiNode, SeiNodeDeployment};
use sei_deployment::{Color, Seat, child};
use sei_render::{Platform, RpcServers, SettingsError};
use sei_store::Bucket;
use serde_json::Value;

use crate::{admission::Admission, bad_input::bad, documents};

const API_VERSION: &str = "sei.io/v1alpha1";
const NODE: &str = "SeiNode";
const GROUP: &str = "SeiNodeDeployment";

/// An object that the operator reconciles.
pub(crate) enum Subject {
    /// One node.
    Node(Box<SeiNode>),
    /// A group of nodes.
    Group(Box<SeiNodeDeployment>),
}

/// The SeiNode in `path`, if the API server would admit it and the operator would accept it.
pub(crate) fn seinode(path: &Path) -> anyhow::Result<SeiNode> {
    Checks::default().node(path, documents::one(path, API_VERSION, NODE)?)
}

/// Every SeiNode and SeiNodeDeployment in `path`.
pub(crate) fn subjects(path: &Path) -> anyhow::Result<Vec<Subject>> {
    let objects = documents::of_kinds(path, API_VERSION, &[NODE, GROUP])?;
    let checks = Checks::default();
    let subject = |object: Value| match documents::is(&object, API_VERSION, GROUP) {
        true => checks.group(path, object).map(|group| Subject::Group(Box::new(group))),
        false => checks.node(path, object).map(|node| Subject::Node(Box::new(node))),
    };
    objects.into_iter().map(subject).collect()
}

/// The SeiNodeDeployment in `path` with all other objects in the file, or else the SeiNode.
pub(crate) fn subject(path: &Path) -> anyhow::Result<(Subject, Vec<Value>)> {
    let (groups, others): (Vec<_>, Vec<_>) =
        documents::objects(path)?.into_iter().partition(|object| documents::is(object, API_VERSION, GROUP));
    if groups.is_empty() {
        let nodes = documents::sorted_out(path, others, API_VERSION, &[NODE, GROUP])?;
        let node = Checks::default().node(path, documents::single(path, nodes, NODE)?)?;
        return Ok((Subject::Node(Box::new(node)), Vec::new()));
    }
    let group = Checks::default().group(path, documents::single(path, groups, GROUP)?)?;
    Ok((Subject::Group(Box::new(group)), others))
}

/// What objects are checked against, each created when the first of its kind is.
#[derive(Default)]
struct Checks {
    nodes: OnceCell<Admission>,
    groups: OnceCell<Admission>,
}

impl Checks {
    fn node(&self, path: &Path, mut object: Value) -> anyhow::Result<SeiNode> {
        let admission = compiled(&self.nodes, sei_api::crd_manifest)?;
        admission.admit(&mut object).map_err(|fault| refused(path, fault))?;
        let node: SeiNode = serde_json::from_value(object).map_err(|error| refused(path, error))?;
        match faults(&node)? {
            None => Ok(node),
            Some(faults) => Err(refused(path, faults)),
        }
    }

    fn group(&self, path: &Path, mut object: Value) -> anyhow::Result<SeiNodeDeployment> {
        let admission = compiled(&self.groups, sei_api::deployment_crd_manifest)?;
        admission.admit(&mut object).map_err(|fault| refused(path, fault))?;
        let group: SeiNodeDeployment =
            serde_json::from_value(object).map_err(|error| refused(path, error))?;
        // The nodes differ only in their names.
        match faults(&child(&group, &Seat::new(&group, Color::Blue, 0), ""))? {
            None => Ok(group),
            Some(faults) => Err(refused(path, format!("spec.template: {faults}"))),
        }
    }
}

fn compiled(
    cell: &OnceCell<Admission>,
    manifest: fn() -> serde_json::Result<Value>,
) -> anyhow::Result<&Admission> {
    if let Some(admission) = cell.get() {
        return Ok(admission);
    }
    let admission = Admission::new(&manifest()?).map_err(anyhow::Error::msg)?;
    Ok(cell.get_or_init(|| admission))
}

fn faults(node: &SeiNode) -> anyhow::Result<Option<String>> {
    let servers = rpc_servers()?;
    let faults: Vec<_> = servers.node(node).faults().iter().map(ToString::to_string).collect();
    Ok((!faults.is_empty()).then(|| faults.join("; ")))
}

/// Faults quote the values, which can be long, and there can be many.
fn refused(path: &Path, fault: impl Display) -> anyhow::Error {
    bad(format!("{}: {}", path.display(), sei_sidecar::cut(&fault.to_string())))
}

/// The Secret in `path`, with its `stringData` merged into its data.
pub(crate) fn secret(path: &Path) -> anyhow::Result<Secret> {
    let object = documents::one(path, "v1", "Secret")?;
    // The parser's message could repeat data of the Secret.
    let mut secret: Secret = serde_json::from_value(object).map_err(|_| {
        bad(format!("{}: not a Secret: data must map names to base64, stringData to text", path.display()))
    })?;
    for (key, value) in secret.string_data.take().unwrap_or_default() {
        let value = k8s_openapi::ByteString(value.into_bytes());
        secret.data.get_or_insert_default().insert(key, value);
    }
    Ok(secret)
}

/// The platform described by the `SEI_*` variables.
pub(crate) fn platform() -> anyhow::Result<Platform> {
    Platform::from_settings(&variables("SEI_")).map_err(refused_settings)
}

/// The DNS domain of the cluster, for commands that need no other setting.
pub(crate) fn cluster_domain() -> anyhow::Result<ClusterDomain> {
    sei_render::cluster_domain(&variables("SEI_")).map_err(refused_settings)
}

/// The RPC servers of each chain, for commands that need no other setting.
pub(crate) fn rpc_servers() -> anyhow::Result<RpcServers> {
    RpcServers::from_settings(&variables("SEI_")).map_err(refused_settings)
}

fn refused_settings(error: SettingsError) -> anyhow::Error {
    bad(format!("platform settings: {}", error.lines().join("; ")))
}

/// The genesis bucket of `platform`, if the `AWS_*` variables have credentials for it.
pub(crate) fn genesis_bucket(platform: &Platform) -> anyhow::Result<Option<Bucket>> {
    let bucket = platform.genesis_bucket();
    Bucket::open(&bucket.name, &bucket.region, &variables("AWS_")).map_err(|error| bad(error.to_string()))
}

/// The environment variables whose names begin with `prefix`.
fn variables(prefix: &str) -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(prefix))
        .collect()
}
