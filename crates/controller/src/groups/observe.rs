//! What a pass over a group decides on: the group, its SeiNodes and its Service, with what was written since the caches
//! were filled.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use kube::{Api, ResourceExt, runtime::reflector::ObjectRef};
use sei_api::{SeiNode, SeiNodeDeployment};
use sei_deployment::{Observed, concerns, internal_service_name};

use super::context::Context;
use crate::{error::PassError, reconciled::described, trim};

pub(super) async fn observe(ctx: &Context, cached: &Arc<SeiNodeDeployment>) -> Result<Observed, PassError> {
    let newest = ctx.memory(cached, |memory| memory.group.newest(Some(Arc::clone(cached))));
    let group = newest.unwrap_or_else(|| Arc::clone(cached));
    let internal_service = service(ctx, &group).await?;
    let nodes = ctx.nodes.state_filter(|node: &SeiNode| concerns(&group, node));
    let nodes = ctx.memory(&group, |memory| memory.newest_nodes(nodes));
    Ok(Observed { group, nodes, internal_service, now: Timestamp::now() })
}

/// The internal Service. One without label is in no cache: it belongs to another owner, or someone took the label off.
async fn service(ctx: &Context, group: &SeiNodeDeployment) -> Result<Option<Arc<Service>>, PassError> {
    let (namespace, name) = (group.namespace().unwrap_or_default(), internal_service_name(group));
    let cached = ctx.services.get(&ObjectRef::new(&name).within(&namespace));
    let known = ctx.memory(group, |memory| memory.service.newest(cached));
    if known.is_some() {
        return Ok(known);
    }
    let api: Api<Service> = Api::namespaced(ctx.client.clone(), &namespace);
    let live = api.get_opt(&name).await.map_err(|source| PassError::Api {
        doing: "read the internal Service of",
        object: described(group),
        source: Box::new(source),
    })?;
    Ok(live.map(|mut service| {
        trim::group_service(&mut service);
        Arc::new(service)
    }))
}
