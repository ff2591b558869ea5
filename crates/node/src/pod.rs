//! Settings of the pod of a node.

use k8s_openapi::api::core::v1::ResourceRequirements;
use sei_api::{SeiNodeSpec, ports, v1alpha1::SidecarConfig};

use crate::{
    ImageReference, Part, SpecError,
    fault::Faults,
    label::{self, is_label_value},
    resources,
};

/// Settings of the pod of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod<'a> {
    /// `spec.chainId`, which is a label value.
    pub chain_id: &'a str,
    /// Image of seid.
    pub image: ImageReference<'a>,
    /// Image of the sidecar; `None` for the platform's default.
    pub sidecar_image: Option<ImageReference<'a>>,
    /// Port of the sidecar inside the pod.
    pub sidecar_port: u16,
    /// Requests and limits of the sidecar, in canonical form.
    pub sidecar_resources: Option<ResourceRequirements>,
}

pub(crate) fn read<'a>(spec: &'a SeiNodeSpec, faults: &mut Faults) -> Option<Pod<'a>> {
    if !is_label_value(&spec.chain_id) {
        let wanted = "1 to 63 letters, digits, '-', '_' or '.', with a letter or digit at both ends";
        faults.push(Part::Pod, SpecError::bad_value("spec.chainId", &spec.chain_id, wanted));
    }
    if spec.image.is_empty() {
        faults.push(Part::Pod, SpecError::Missing { field: "spec.image", instead: "name the seid image" });
    }
    let image = faults.image(Part::Pod, "spec.image", Some(&spec.image));
    let sidecar = spec.sidecar.as_ref();
    let sidecar_image = sidecar.and_then(|sidecar| sidecar.image.as_deref());
    let sidecar_image = faults.image(Part::Pod, "spec.sidecar.image", sidecar_image);
    if let Some(sidecar) = sidecar {
        check_sidecar(sidecar, faults);
    }
    spec.pod_labels.iter().for_each(|labels| label::check(labels, faults));
    let resources = sidecar.and_then(|sidecar| sidecar.resources.as_ref());
    Some(Pod {
        chain_id: &spec.chain_id,
        sidecar_image,
        sidecar_port: spec.sidecar_port(),
        sidecar_resources: resources.map(|resources| resources::read(resources, faults)),
        image: image?,
    })
}

fn check_sidecar(sidecar: &SidecarConfig, faults: &mut Faults) {
    if let Some(port) = sidecar.port {
        let taken = |port: u16| {
            port == ports::RBAC_PROXY
                || port == ports::COSMOS_EXPORTER
                || ports::SEID.iter().any(|(_, seid)| *seid == port)
        };
        // 0 means the default.
        if u16::try_from(port).map_or(true, taken) {
            let wanted = "a port from 1 to 65535 that neither seid (1317, 8545, 8546, 9090, 26656, 26657, 26660), the exporter (9300) nor the proxy (8443) has";
            faults.push(Part::Pod, SpecError::bad_value("spec.sidecar.port", &port.to_string(), wanted));
        }
    }
    if sidecar.tls.as_ref().is_some_and(|tls| tls.secret_name.is_empty()) {
        let instead = "name the kubernetes.io/tls Secret";
        faults.push(Part::Pod, SpecError::Missing { field: "spec.sidecar.tls.secretName", instead });
    }
}
