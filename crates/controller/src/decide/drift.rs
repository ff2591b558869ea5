//! Which objects of a Running node are not as they should be. What differs because the spec or the operator
//! changed waits for the next update plan; what somebody else changed or deleted is set right.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Service},
};
use kube::Resource;
use sei_api::{SeiNode, labels, names};
use sei_render::{Platform, drift::differences};
use serde::Serialize;

use crate::observe::{Observed, is_owned_by};

/// An object to be applied again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Repair {
    StatefulSet(Box<StatefulSet>),
    Service(Box<Service>),
    ConfigMap(Box<ConfigMap>),
}

/// The repairs that are due, or the object of somebody else that stands in the way.
pub(super) fn find(observed: &Observed, platform: &Platform) -> (Vec<Repair>, Option<String>) {
    let node = &*observed.node;
    let children = &observed.children;
    let mut repairs = Vec::new();
    let mut foreign = None;
    let mut judge = |kind: &str, name: String, verdict: Verdict, repair: Repair| match verdict {
        Verdict::AsWanted => {}
        Verdict::Drifted => repairs.push(repair),
        Verdict::Foreign => {
            foreign = Some(format!(
                "{kind} {name} does not belong to this SeiNode: delete it, and the operator makes its own"
            ));
        }
    };
    if let Ok(wanted) = sei_render::stateful_set(node, platform) {
        let live = children.stateful_set.as_deref();
        // Its template may lag behind the spec on purpose.
        let verdict = match compare(node, &wanted, live) {
            Verdict::Drifted if live.is_some_and(|live| !has_other_manager(live)) => Verdict::AsWanted,
            verdict => verdict,
        };
        judge("StatefulSet", names::stateful_set(node), verdict, Repair::StatefulSet(Box::new(wanted)));
    }
    let service = sei_render::service(node);
    let verdict = compare(node, &service, children.service.as_deref());
    judge("Service", names::stateful_set(node), verdict, Repair::Service(Box::new(service)));
    if let Some(config) = sei_render::rbac_proxy_config(node) {
        let verdict = compare(node, &config, children.config_map.as_deref());
        judge("ConfigMap", names::rbac_proxy_config(node), verdict, Repair::ConfigMap(Box::new(config)));
    }
    (repairs, foreign)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    AsWanted,
    Drifted,
    Foreign,
}

fn compare<K: Resource + Serialize>(node: &SeiNode, wanted: &K, live: Option<&K>) -> Verdict {
    let Some(live) = live else { return Verdict::Drifted };
    if !is_owned_by(live, node) {
        return Verdict::Foreign;
    }
    // Objects of the API server and of our own making always serialize.
    let (Ok(wanted), Ok(live)) = (serde_json::to_value(wanted), serde_json::to_value(live)) else {
        return Verdict::AsWanted;
    };
    if differences(&wanted, &live).is_empty() { Verdict::AsWanted } else { Verdict::Drifted }
}

/// Whether somebody but us has written fields of the spec.
fn has_other_manager(stateful_set: &StatefulSet) -> bool {
    let entries = stateful_set.metadata.managed_fields.iter().flatten();
    entries.into_iter().any(|entry| {
        let of_spec = entry.fields_v1.as_ref().is_some_and(|fields| fields.0.get("f:spec").is_some());
        let ours = entry.manager.as_deref() == Some(labels::FIELD_MANAGER);
        !ours && entry.subresource.as_deref().unwrap_or_default().is_empty() && of_spec
    })
}

/// Image of the seid container in the template.
pub(super) fn seid_image(stateful_set: &StatefulSet) -> Option<&str> {
    let containers = &stateful_set.spec.as_ref()?.template.spec.as_ref()?.containers;
    containers.iter().find(|container| container.name == "seid")?.image.as_deref()
}
