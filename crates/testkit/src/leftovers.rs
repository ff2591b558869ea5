//! Deletes what a finished test left on an API server, so that the next test can use it.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Api, Client,
    api::PropagationPolicy,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    discovery::{ApiGroup, Discovery, verbs},
};
use serde_json::json;

/// API groups whose objects the API server itself writes and depends on. CRDs are applied again by the next test.
const KEPT_GROUPS: &[&str] =
    &["apiextensions.k8s.io", "apiregistration.k8s.io", "flowcontrol.apiserver.k8s.io"];
/// Maximum number of concurrent requests.
const PARALLEL: usize = 8;
/// Deleting an object can release another one, which the next pass finds.
const PASSES: usize = 3;

struct Object {
    resource: ApiResource,
    meta: ObjectMeta,
}

/// UIDs of all objects.
///
/// # Errors
/// The error of the API server.
pub async fn uids(client: &Client) -> anyhow::Result<BTreeSet<String>> {
    Ok(objects(client).await?.into_iter().filter_map(|object| object.meta.uid).collect())
}

/// Deletes all objects except those with a UID in `kept`, with their finalizers: no controller may be running.
///
/// # Errors
/// If the API server does not delete one.
pub async fn delete_except(client: &Client, kept: &BTreeSet<String>) -> anyhow::Result<()> {
    for _ in 0..PASSES {
        let mut left = objects(client).await?;
        left.retain(|object| object.meta.uid.as_ref().is_none_or(|uid| !kept.contains(uid)));
        if left.is_empty() {
            return Ok(());
        }
        // A namespace is deleted after its content.
        let (namespaces, others): (Vec<_>, _) = left.into_iter().partition(Object::is_namespace);
        for group in [others, namespaces] {
            let deletions = stream::iter(group).map(|object| delete(client, object));
            deletions.buffer_unordered(PARALLEL).try_collect::<()>().await?;
        }
    }
    bail!("objects of the last test remain after {PASSES} passes")
}

impl Object {
    fn is_namespace(&self) -> bool {
        self.resource.kind == "Namespace"
    }

    /// Whether the API server itself needs it.
    fn is_of_server(&self) -> bool {
        let name = if self.is_namespace() { &self.meta.name } else { &self.meta.namespace };
        let name = name.as_deref().unwrap_or_default();
        name.starts_with("kube-") || (self.is_namespace() && name == "default")
    }
}

async fn objects(client: &Client) -> anyhow::Result<Vec<Object>> {
    let kinds = Discovery::new(client.clone()).exclude(KEPT_GROUPS).run_aggregated().await;
    let kinds = kinds.context("list the kinds")?;
    let kinds = kinds
        .groups()
        .flat_map(ApiGroup::recommended_resources)
        .filter(|(_, can)| can.supports_operation(verbs::LIST) && can.supports_operation(verbs::DELETE));
    let lists = kinds.map(|(resource, _)| async move {
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let list = api.list_metadata(&ListParams::default()).await;
        let list = list.with_context(|| format!("list {}", resource.plural))?;
        let objects = list
            .items
            .into_iter()
            .map(move |item| Object { resource: resource.clone(), meta: item.metadata });
        anyhow::Ok(objects.filter(|object| !object.is_of_server()).collect::<Vec<_>>())
    });
    let lists: Vec<_> = stream::iter(lists).buffer_unordered(PARALLEL).try_collect().await?;
    Ok(lists.into_iter().flatten().collect())
}

async fn delete(client: &Client, object: Object) -> anyhow::Result<()> {
    let Object { resource, meta } = &object;
    let name = meta.name.as_deref().context("an object without a name")?;
    let api: Api<DynamicObject> = match &meta.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    };
    let now = DeleteParams {
        grace_period_seconds: Some(0),
        // The default for Jobs adds a finalizer.
        propagation_policy: Some(PropagationPolicy::Background),
        ..DeleteParams::default()
    };
    let all = async {
        if_present(api.delete(name, &now).await)?;
        if meta.finalizers.is_some() {
            let none = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
            if_present(api.patch(name, &PatchParams::default(), &none).await)?;
        }
        if object.is_namespace() {
            let none =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name }, "spec": {} });
            let parameters = PostParams::default();
            if_present(api.replace_subresource("finalize", name, &parameters, &none).await)?;
        }
        Ok::<_, kube::Error>(())
    };
    all.await.with_context(|| format!("delete {} {name}", resource.kind))
}

/// Ignores that the object no longer exists.
fn if_present<T>(answer: kube::Result<T>) -> kube::Result<()> {
    match answer {
        Err(kube::Error::Api(refusal)) if refusal.is_not_found() => Ok(()),
        answer => answer.map(drop),
    }
}
