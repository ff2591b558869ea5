//! cosmos-exporter: metrics of the chain, as observed by seid.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, ResourceRequirements},
    apimachinery::pkg::api::resource::Quantity,
};

use super::{mount, security, seid, volumes};
use crate::Platform;

const PORT: u16 = 9300;

/// The exporter. It has no probes: seid opens gRPC late, and never on validators, and an exporter without gRPC must
/// neither be restarted nor make the pod unready.
pub(crate) fn container(platform: &Platform) -> Container {
    let args =
        ["--denom", "usei", "--denom-coefficient", "1000000", "--bech-prefix", "sei", "--listen-address"];
    Container {
        name: "cosmos-exporter".to_owned(),
        image: Some(platform.exporter_image.clone()),
        args: Some(args.into_iter().map(str::to_owned).chain([format!(":{PORT}")]).collect()),
        ports: Some(vec![seid::port("cosmos-metrics", PORT)]),
        volume_mounts: Some(vec![mount(volumes::TMP, "/tmp")]),
        resources: Some(ResourceRequirements {
            requests: Some(quantities(&[("cpu", "50m"), ("memory", "64Mi")])),
            limits: Some(quantities(&[("memory", "384Mi")])),
            claims: None,
        }),
        security_context: Some(security::read_only()),
        ..Container::default()
    }
}

fn quantities(pairs: &[(&str, &str)]) -> BTreeMap<String, Quantity> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Quantity((*value).to_owned()))).collect()
}
