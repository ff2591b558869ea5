//! Reads from the cluster.

use anyhow::Context;
use futures::{Stream, StreamExt, stream};
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{Event, PersistentVolumeClaim, Pod},
};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, ListParams, PartialObjectMeta},
    runtime::{WatchStreamExt, watcher},
};
use sei_api::{SeiNode, SeiNodeDeployment, names};
use sei_report::{Around, NodeReport};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{cli::StatusArgs, connect::connect};

/// Page size of a LIST.
const PAGE: u32 = 500;

/// The selected part of a cluster.
pub(super) struct Cluster {
    client: Client,
    /// `None`: all namespaces.
    namespace: Option<String>,
}

impl Cluster {
    pub(super) async fn open(args: &StatusArgs) -> anyhow::Result<Self> {
        let (client, namespace) = connect(&args.cluster).await?;
        Ok(Self { client, namespace: (!args.all_namespaces).then_some(namespace) })
    }

    /// Every SeiNode and SeiNodeDeployment, as returned by the API server.
    pub(super) async fn fleet(&self) -> anyhow::Result<(Vec<Value>, Vec<Value>)> {
        let nodes = list(&self.objects::<SeiNode>()).await;
        let nodes = nodes
            .context("failed to list SeiNodes")?
            .context("the CRD of SeiNodes is not installed in this cluster; see docs/install.md")?;
        Ok((nodes, self.groups().await?.unwrap_or_default()))
    }

    /// `None` if the kind does not exist, or the user may not list it.
    async fn groups(&self) -> anyhow::Result<Option<Vec<Value>>> {
        match list(&self.objects::<SeiNodeDeployment>()).await {
            Err(error) if is_forbidden(&error) => Ok(None),
            groups => groups.context("failed to list SeiNodeDeployments"),
        }
    }

    /// Everything about the node `object`.
    pub(super) async fn report(&self, object: &Value) -> anyhow::Result<NodeReport> {
        let mut around = Around::default();
        if let Ok(node) = SeiNode::deserialize(object) {
            let namespace = names::namespace(&node);
            let pod = self.get::<Pod>(namespace, &names::pod(&node)).await;
            around.pod = readable(pod, "pods", &mut around.hidden)?.flatten();
            let claim = self.get::<PersistentVolumeClaim>(namespace, &names::data_claim(&node)).await;
            around.claim = readable(claim, "persistentvolumeclaims", &mut around.hidden)?.flatten();
            around.events =
                readable(self.events(&node).await, "events", &mut around.hidden)?.unwrap_or_default();
        }
        Ok(NodeReport::of(object, &around))
    }

    /// Events of a node and its pod.
    async fn events(&self, node: &SeiNode) -> anyhow::Result<Vec<Event>> {
        let api = Api::<Event>::namespaced(self.client.clone(), names::namespace(node));
        let mut events = Vec::new();
        for (kind, name) in [("SeiNode", names::node(node)), ("Pod", &names::pod(node))] {
            let about = format!("involvedObject.kind={kind},involvedObject.name={name}");
            let found = api.list(&ListParams::default().fields(&about)).await;
            events.extend(found.context("failed to list events")?);
        }
        Ok(events)
    }

    /// Yields an item for each change of a node or group, and each time the watch is restarted.
    pub(super) async fn changes(&self) -> anyhow::Result<impl Stream<Item = ()> + use<>> {
        let nodes = self.changes_of::<SeiNode>();
        let groups = match self.groups().await? {
            Some(_) => self.changes_of::<SeiNodeDeployment>().left_stream(),
            None => stream::pending().right_stream(),
        };
        Ok(stream::select(nodes, groups))
    }

    /// Metadata only: the displayed objects are read separately.
    fn changes_of<K>(&self) -> impl Stream<Item = ()> + use<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + Send
            + 'static,
    {
        let api = match &self.namespace {
            Some(namespace) => Api::<PartialObjectMeta<K>>::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        watcher(api, watcher::Config::default()).default_backoff().map(drop)
    }

    fn objects<K: Resource<DynamicType = ()>>(&self) -> Api<DynamicObject> {
        let kind = ApiResource::erase::<K>(&());
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &kind),
            None => Api::all_with(self.client.clone(), &kind),
        }
    }

    async fn get<K>(&self, namespace: &str, name: &str) -> anyhow::Result<Option<K>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let found = Api::<K>::namespaced(self.client.clone(), namespace).get_opt(name).await;
        found.with_context(|| format!("failed to read {} {name}", K::kind(&())))
    }
}

/// The result; `None` and an entry in `hidden` if the user may not read it.
fn readable<T>(
    read: anyhow::Result<T>,
    resource: &'static str,
    hidden: &mut Vec<&'static str>,
) -> anyhow::Result<Option<T>> {
    match read {
        Err(error) if is_forbidden(&error) => {
            hidden.push(resource);
            Ok(None)
        }
        read => read.map(Some),
    }
}

fn is_forbidden(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(kube::Error::Api(status)) if status.code == 403)
}

/// All objects; none if the kind is not installed.
async fn list(api: &Api<DynamicObject>) -> anyhow::Result<Option<Vec<Value>>> {
    let mut page = ListParams::default().limit(PAGE);
    let mut objects = Vec::new();
    loop {
        let list = match api.list(&page).await {
            Ok(list) => list,
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        page.continue_token = list.metadata.continue_.filter(|token| !token.is_empty());
        for mut object in list.items {
            // Never shown, and most of an object's size.
            object.metadata.managed_fields = None;
            objects.push(serde_json::to_value(object)?);
        }
        if page.continue_token.is_none() {
            return Ok(Some(objects));
        }
    }
}
