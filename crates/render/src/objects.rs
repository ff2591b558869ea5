//! Everything at once, for people and pipelines that want to look before they apply.

use sei_api::SeiNode;
use serde::Serialize;
use serde_json::Value;

use crate::{
    Platform, bootstrap_job, bootstrap_service, data_claim, rbac_proxy_config, service, stateful_set,
};

/// Every object that is written for `node` in its life, in the order of the initial plan. The bootstrap Service
/// has the name of the later one, which takes its place.
pub fn objects(node: &SeiNode, platform: &Platform) -> Vec<Value> {
    let objects = [
        value(data_claim(node, platform)),
        value(rbac_proxy_config(node)),
        value(bootstrap_service(node)),
        value(bootstrap_job(node, platform)),
        value(Some(stateful_set(node, platform))),
        value(Some(service(node))),
    ];
    objects.into_iter().flatten().collect()
}

/// Objects of the API serialize with their `apiVersion` and `kind`, and cannot fail to.
fn value(object: Option<impl Serialize>) -> Option<Value> {
    serde_json::to_value(object?).ok()
}
