//! The Service of a group inside the cluster.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::{ResourceExt, core::ObjectMeta};
use sei_api::{SeiNodeDeployment, labels, ports, v1alpha1::deployment::InternalPorts};
use sei_render::drift::differences;
use serde_json::json;

use crate::child::{group_name, owner};

/// Name of the internal Service.
pub fn internal_service_name(group: &SeiNodeDeployment) -> String {
    format!("{}-internal", group_name(group))
}

/// The internal Service. It selects every pod of the group, whatever its revision, so that an update takes no serving
/// pod out of it.
pub fn internal_service(group: &SeiNodeDeployment) -> Service {
    let of_group = BTreeMap::from([(labels::DEPLOYMENT.to_owned(), group_name(group).to_owned())]);
    let InternalPorts { rpc, evm_http, rest } = ports();
    let port = |name: &str, port: i64| {
        let number = i32::try_from(port).unwrap_or_default();
        ServicePort {
            name: Some(name.to_owned()),
            port: number,
            protocol: Some("TCP".to_owned()),
            target_port: Some(IntOrString::Int(number)),
            ..ServicePort::default()
        }
    };
    Service {
        metadata: ObjectMeta {
            name: Some(internal_service_name(group)),
            namespace: group.metadata.namespace.clone(),
            labels: Some(of_group.clone()),
            annotations: Some(BTreeMap::from([(
                labels::MANAGED_BY_ANNOTATION.to_owned(),
                labels::MANAGED_BY_DEPLOYMENT.to_owned(),
            )])),
            owner_references: Some(vec![owner(group)]),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(of_group),
            ports: Some(vec![port("rpc", rpc), port("evm-http", evm_http), port("rest", rest)]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// Its ports.
pub(crate) fn ports() -> InternalPorts {
    InternalPorts {
        rpc: i64::from(ports::RPC),
        evm_http: i64::from(ports::EVM_RPC),
        rest: i64::from(ports::REST),
    }
}

/// Whether an earlier group of this name retained `live`; nothing owns it.
pub(crate) fn is_retained(live: &Service, group: &SeiNodeDeployment) -> bool {
    let is = |found: Option<&String>, wanted: &str| found.is_some_and(|found| found == wanted);
    live.owner_references().iter().all(|owner| owner.controller != Some(true))
        && is(live.labels().get(labels::DEPLOYMENT), group_name(group))
        && is(live.annotations().get(labels::MANAGED_BY_ANNOTATION), labels::MANAGED_BY_DEPLOYMENT)
}

/// Whether applying `desired` would change `live`.
pub(crate) fn differs(desired: &Service, live: &Service) -> bool {
    let shown = |service: &Service| {
        json!({
            "labels": service.labels(), "annotations": service.annotations(), "spec": service.spec,
            "owners": service.owner_references(),
        })
    };
    !differences(&shown(desired), &shown(live)).is_empty()
}
