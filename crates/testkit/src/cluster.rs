//! A cluster that the operator can fully work with: control plane, kubelet stand-in, sidecars, and an account
//! with exactly the operator's permissions.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use k8s_openapi::{
    api::{
        authentication::v1::TokenRequest,
        core::v1::{Namespace, ServiceAccount},
        rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, CustomResourceExt,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use sei_api::{SeiNode, SeiNodeDeployment, SeiNodeTask};
use serde_json::Value;

use crate::{
    control_plane::ControlPlane,
    kubelet::Kubelet,
    sidecar::{Access, Simulator},
};

/// Namespace of the nodes of tests and demo.
pub const NAMESPACE: &str = "sei-demo";
/// ServiceAccount of the operator, and its namespace.
pub const OPERATOR: &str = "sei-operator";

/// A running cluster.
pub struct Cluster {
    /// A client with administrator permissions.
    pub client: Client,
    /// Its sidecars.
    pub simulator: Simulator,
    /// Its control plane.
    pub plane: ControlPlane,
    _kubelet: Kubelet,
}

/// Differences of a cluster from that of most tests.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Additional flags for kube-apiserver.
    pub api_server_flags: Vec<String>,
    /// Sidecars behind TLS accept any token, without a TokenReview.
    pub any_token: bool,
}

impl Cluster {
    /// Starts everything with the programs in `assets`, and grants account `sei-operator` the permissions
    /// `rules`. Without any, no account gets permissions.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn start(assets: &Path, rules: Vec<PolicyRule>) -> anyhow::Result<Self> {
        Self::start_with(assets, rules, Setup::default()).await
    }

    /// Like [`start`](Self::start), with another setup.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn start_with(assets: &Path, rules: Vec<PolicyRule>, setup: Setup) -> anyhow::Result<Self> {
        let plane = ControlPlane::start_with(assets, &setup.api_server_flags).await?;
        Self::start_on(plane, rules, setup.any_token).await
    }

    /// Like [`start`](Self::start), on a running API server without objects. With `any_token`, sidecars behind TLS accept any
    /// token, without a TokenReview.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn start_on(
        mut plane: ControlPlane,
        rules: Vec<PolicyRule>,
        any_token: bool,
    ) -> anyhow::Result<Self> {
        let client = plane.client().await?;
        install_crds(&client).await?;
        plane.start_controllers()?;
        create_namespace(&client, NAMESPACE, "seid-node").await?;
        create_namespace(&client, OPERATOR, OPERATOR).await?;
        if !rules.is_empty() {
            grant(&client, rules).await?;
        }
        let access = if any_token { Access::AnyToken } else { Access::Reviewed(client.clone()) };
        let simulator = Simulator::start(access).await?;
        let kubelet = Kubelet::start(client.clone(), simulator.clone());
        let cluster = Self { client, simulator, plane, _kubelet: kubelet };
        cluster.run_operator_as(OPERATOR, OPERATOR).await?;
        Ok(cluster)
    }

    /// Stops everything except the API server. Its objects remain, as they are.
    pub fn into_plane(self) -> ControlPlane {
        let Self { mut plane, .. } = self;
        plane.stop_controllers();
        plane
    }

    /// From now on operators start as another ServiceAccount.
    ///
    /// # Errors
    /// If the account does not exist.
    pub async fn run_operator_as(&self, namespace: &str, account: &str) -> anyhow::Result<()> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let api_token = token(&accounts, account).await?;
        fs::write(self.operator_kubeconfig(), self.plane.kubeconfig_for(&api_token).to_string())?;
        Ok(())
    }

    /// Creates another namespace in which nodes can run.
    ///
    /// # Errors
    /// The error of the API server.
    pub async fn add_namespace(&self, namespace: &str) -> anyhow::Result<()> {
        create_namespace(&self.client, namespace, "seid-node").await
    }

    /// SeiNodes of [`NAMESPACE`].
    pub fn nodes(&self) -> Api<SeiNode> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Kubeconfig of the operator's account.
    pub fn operator_kubeconfig(&self) -> PathBuf {
        self.plane.folder().join("operator.kubeconfig")
    }

    /// Path of the log of the operators.
    pub fn operator_log(&self) -> PathBuf {
        self.plane.folder().join("sei-operator.log")
    }

    /// DNS name of a node's pod, which identifies it in the simulator.
    pub fn host(node: &str) -> String {
        format!("{node}-0.{node}.{NAMESPACE}.svc.cluster.local")
    }
}

/// The names that the certificate of a node needs.
pub fn certificate_names(node: &str) -> Vec<String> {
    vec![format!("{node}.{NAMESPACE}.svc.cluster.local"), Cluster::host(node)]
}

/// Installs the CRDs and waits until they are served.
///
/// # Errors
/// The error of the API server.
pub async fn install_crds(client: &Client) -> anyhow::Result<()> {
    for (manifest, name) in [
        (sei_api::crd_manifest()?, SeiNode::crd_name()),
        (sei_api::deployment_crd_manifest()?, SeiNodeDeployment::crd_name()),
        (sei_api::task_crd_manifest()?, SeiNodeTask::crd_name()),
    ] {
        install_crd(client, &manifest, name).await.with_context(|| format!("CRD {name}"))?;
    }
    Ok(())
}

async fn install_crd(client: &Client, manifest: &Value, name: &str) -> anyhow::Result<()> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let params = PatchParams::apply("sei-operator-tests").force();
    crds.patch(name, &params, &Patch::Apply(manifest)).await?;
    let established = kube::runtime::conditions::is_crd_established();
    let crd = kube::runtime::wait::await_condition(crds, name, established);
    tokio::time::timeout(std::time::Duration::from_secs(30), crd).await.context("it is not served")??;
    Ok(())
}

/// Creates a namespace with a ServiceAccount.
async fn create_namespace(client: &Client, name: &str, account: &str) -> anyhow::Result<()> {
    let params = PostParams::default();
    let namespace = Namespace { metadata: named(name), ..Namespace::default() };
    Api::all(client.clone())
        .create(&params, &namespace)
        .await
        .with_context(|| format!("Namespace {name}"))?;
    let object = ServiceAccount { metadata: named(account), ..ServiceAccount::default() };
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), name);
    accounts.create(&params, &object).await.with_context(|| format!("ServiceAccount {account}"))?;
    Ok(())
}

async fn grant(client: &Client, rules: Vec<PolicyRule>) -> anyhow::Result<()> {
    let role = ClusterRole { metadata: named(OPERATOR), rules: Some(rules), ..ClusterRole::default() };
    Api::all(client.clone()).create(&PostParams::default(), &role).await.context("ClusterRole")?;
    let binding = ClusterRoleBinding {
        metadata: named(OPERATOR),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "ClusterRole".to_owned(),
            name: OPERATOR.to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: OPERATOR.to_owned(),
            namespace: Some(OPERATOR.to_owned()),
            ..Subject::default()
        }]),
    };
    Api::all(client.clone()).create(&PostParams::default(), &binding).await.context("ClusterRoleBinding")?;
    Ok(())
}

/// A token of an account for the API server.
async fn token(accounts: &Api<ServiceAccount>, name: &str) -> anyhow::Result<String> {
    let request = TokenRequest::default();
    let answer = accounts.create_token_request(name, &PostParams::default(), &request).await;
    let status = answer
        .context("request a token")?
        .status
        .context("the response to the token request has no status")?;
    Ok(status.token)
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}
