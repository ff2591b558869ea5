//! Reads the cluster.

use std::fmt::Debug;

use anyhow::Context;
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Secret};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ApiResource, DynamicObject, ListParams, PartialObjectMeta},
};
use sei_api::{SeiNode, SeiNodeDeployment};
use sei_migrate::Cluster;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::MigrateArgs;

/// The objects for the forecasts, of one namespace or of all.
pub(super) async fn read(client: &Client, args: &MigrateArgs) -> anyhow::Result<Cluster> {
    let namespace = args.namespace.as_deref();
    Ok(Cluster {
        nodes: objects::<SeiNode>(client, namespace).await?,
        groups: objects::<SeiNodeDeployment>(client, namespace).await?,
        claims: list(client, namespace).await?,
        stateful_sets: list(client, namespace).await?,
        services: list(client, namespace).await?,
        budgets: list(client, namespace).await?,
        config_maps: list(client, namespace).await?,
        jobs: list(client, namespace).await?,
        pods: list(client, namespace).await?,
        secrets: match list::<PartialObjectMeta<Secret>>(client, namespace).await {
            Ok(secrets) => {
                let name =
                    |it: &PartialObjectMeta<Secret>| (it.namespace().unwrap_or_default(), it.name_any());
                Some(secrets.iter().map(name).collect())
            }
            Err(error) if is_forbidden(&error) => None,
            Err(error) => return Err(error),
        },
    })
}

/// All objects of a kind as returned by the API server; none if the kind is not installed.
async fn objects<K: Resource<DynamicType = ()>>(
    client: &Client,
    namespace: Option<&str>,
) -> anyhow::Result<Vec<Value>> {
    let kind = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    };
    match api.list(&ListParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
        objects => {
            let objects = objects.with_context(|| format!("failed to list {}", K::plural(&())))?;
            objects.items.iter().map(|object| Ok(serde_json::to_value(object)?)).collect()
        }
    }
}

async fn list<K>(client: &Client, namespace: Option<&str>) -> anyhow::Result<Vec<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let found = api.list(&ListParams::default()).await;
    Ok(found.with_context(|| format!("failed to list {}", K::plural(&())))?.items)
}

fn is_forbidden(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(kube::Error::Api(status)) if status.code == 403)
}
