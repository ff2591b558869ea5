//! Reads the cluster, with the permissions of the caller.

use anyhow::Context;
use jiff::Timestamp;
use k8s_openapi::{
    api::{apps::v1::Deployment, coordination::v1::Lease, core::v1::Pod},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, ListParams},
    client::Body,
};
use sei_api::{SeiNode, labels};
use sei_controller::error_message;
use sei_doctor::{Facts, Installation, Read, installation};

use super::{probe, review};

/// Selects the pods of the operator.
const OPERATOR: &str = "app.kubernetes.io/name=sei-operator";

/// The facts for the findings. The operator is searched for in `namespace`, or in all namespaces.
///
/// # Errors
/// If the API server cannot be reached.
pub(super) async fn read(client: &Client, namespace: Option<&str>) -> anyhow::Result<Facts> {
    let version = client.apiserver_version().await.context("failed to reach the API server")?;
    let now = Timestamp::now();
    let server_time = server_time(client).await;
    let deployments: Read<Vec<Deployment>> = match namespace {
        Some(namespace) => list(&Api::namespaced(client.clone(), namespace), "").await,
        None => list(&Api::all(client.clone()), "").await,
    };
    let nodes = nodes(client).await;
    let installed = deployments.as_deref().ok().and_then(installation);
    Ok(Facts {
        now,
        server_time,
        server_version: number(&version.major).and_then(|major| Ok((major, number(&version.minor)?))),
        crds: crds(client).await,
        lease: lease(client, installed.as_ref()).await,
        permissions: match &installed {
            Some(installed) => review::permissions(client, installed).await,
            None => Err("the operator is not installed, or its Deployment cannot be read".to_owned()),
        },
        answers: probe::answers(client, &nodes).await,
        nodes,
        pods: pods(client).await,
        cert_manager: has_cert_manager(client).await,
        deployments,
    })
}

/// The leading number of `text`: some clouds write `35+`.
fn number(text: &str) -> Read<u32> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().map_err(|_| format!("{text:?} is not a number"))
}

async fn server_time(client: &Client) -> Read<Timestamp> {
    let request = http::Request::get("/version").body(Body::empty()).map_err(|error| error.to_string())?;
    let response = client.send(request).await.map_err(|error| error_message(&error))?;
    let date = response.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
    let date = date.ok_or("its responses have no date")?;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).map_err(|error| error.to_string())
}

async fn crds(client: &Client) -> Read<Vec<CustomResourceDefinition>> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut found = Vec::new();
    for wanted in sei_api::crds() {
        found.extend(api.get_opt(&wanted.name_any()).await.map_err(|error| error_message(&error))?);
    }
    Ok(found)
}

async fn lease(client: &Client, installed: Option<&Installation>) -> Read<Option<Lease>> {
    let installed = installed.ok_or("the operator is not installed")?;
    let name = installed.lease.as_deref().unwrap_or(sei_controller::rbac::LEASE);
    let api: Api<Lease> = Api::namespaced(client.clone(), &installed.namespace);
    api.get_opt(name).await.map_err(|error| error_message(&error))
}

/// The SeiNodes that can be decoded; the others are reported by their conditions.
async fn nodes(client: &Client) -> Read<Vec<SeiNode>> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::erase::<SeiNode>(&()));
    match api.list(&ListParams::default()).await {
        // The kind is not installed.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
        nodes => {
            let nodes = nodes.map_err(|error| error_message(&error))?;
            Ok(nodes.items.into_iter().filter_map(|node| node.try_parse().ok()).collect())
        }
    }
}

async fn pods(client: &Client) -> Read<Vec<Pod>> {
    let api = Api::all(client.clone());
    let of_nodes: Vec<Pod> = list(&api, labels::NODE).await?;
    Ok([of_nodes, list(&api, OPERATOR).await?].concat())
}

async fn has_cert_manager(client: &Client) -> Read<bool> {
    let groups = client.list_api_groups().await.map_err(|error| error_message(&error))?;
    Ok(groups.groups.iter().any(|group| group.name == "cert-manager.io"))
}

async fn list<K>(api: &Api<K>, selector: &str) -> Read<Vec<K>>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let found = api.list(&ListParams::default().labels(selector)).await;
    found.map(|list| list.items).map_err(|error| error_message(&error))
}
