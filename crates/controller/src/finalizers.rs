//! Finalizers of reconciled objects, written to exactly the version that was read.

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    error::PassError,
    reconciled::{Reconciled, described},
};

/// Replaces the finalizers of this version of `object`.
pub(crate) async fn write<K: Reconciled>(
    client: &Client,
    object: &K,
    finalizers: &[String],
    manager: &str,
) -> Result<K, PassError> {
    let metadata = object.meta();
    let api: Api<K> = Api::namespaced(client.clone(), metadata.namespace.as_deref().unwrap_or_default());
    let patch = json!({ "metadata": {
        "finalizers": finalizers,
        "resourceVersion": metadata.resource_version,
        "uid": metadata.uid,
    }});
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..Default::default() };
    let written = api.patch(&object.name_any(), &params, &Patch::Merge(&patch)).await;
    written.map_err(|error| match error {
        kube::Error::Api(status) if status.is_conflict() => PassError::Outdated { object: described(object) },
        source => PassError::Api {
            doing: "change the finalizers of",
            object: described(object),
            source: Box::new(source),
        },
    })
}

/// Whether the namespace of `object` is being deleted. One that cannot be read counts as not being deleted.
pub(crate) async fn in_terminating_namespace<K: Reconciled>(client: &Client, object: &K) -> bool {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = namespaces.get(object.meta().namespace.as_deref().unwrap_or_default()).await;
    namespace.is_ok_and(|namespace| namespace.metadata.deletion_timestamp.is_some())
}
