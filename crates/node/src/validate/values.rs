//! Rules of single values, whatever the mode.

use sei_api::{SeiNodeSpec, ports, v1alpha1::PeerSource};

use super::{Faults, Part, SpecError, modes::exactly_one, resources};
use crate::{ImageReference, is_peer_address, overrides};

pub(super) fn check(spec: &SeiNodeSpec, faults: &mut Faults) {
    if !is_label_value(&spec.chain_id) {
        let wanted = "1 to 63 letters, digits, '-', '_' or '.', with a letter or digit at both ends";
        faults.push(Part::Pod, SpecError::bad_value("spec.chainId", &spec.chain_id, wanted));
    }
    if spec.image.is_empty() {
        faults.push(Part::Pod, SpecError::Missing { field: "spec.image", instead: "name the seid image" });
    } else {
        check_image(Part::Pod, "spec.image", &spec.image, faults);
    }
    let sidecar_image = spec.sidecar.as_ref().and_then(|sidecar| sidecar.image.as_deref());
    if let Some(image) = sidecar_image.filter(|image| !image.is_empty()) {
        check_image(Part::Pod, "spec.sidecar.image", image, faults);
    }
    let bootstrap_image = spec.snapshot().and_then(|snapshot| snapshot.bootstrap_image.as_deref());
    if let Some(image) = bootstrap_image.filter(|image| !image.is_empty()) {
        check_image(Part::State, "snapshot.bootstrapImage", image, faults);
    }
    if let Some(port) = spec.sidecar.as_ref().and_then(|sidecar| sidecar.port) {
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
    if spec.tls().is_some_and(|tls| tls.secret_name.is_empty()) {
        let instead = "name the kubernetes.io/tls Secret";
        faults.push(Part::Pod, SpecError::Missing { field: "spec.sidecar.tls.secretName", instead });
    }
    if let Some(resources) = spec.sidecar.as_ref().and_then(|sidecar| sidecar.resources.as_ref()) {
        resources::check(resources, faults);
    }
    for (index, peer) in spec.peers.iter().flatten().enumerate() {
        check_peer(index, peer, faults);
    }
    for (key, value) in spec.overrides.iter().flatten() {
        if let Some(error) = check_override(key, value) {
            faults.push(Part::Configuration, error);
        }
    }
}

fn check_override(key: &str, value: &str) -> Option<SpecError> {
    let Some(kind) = overrides::kind_of(key) else {
        return Some(SpecError::UnknownOverride { key: key.to_owned(), nearest: overrides::nearest(key) });
    };
    if let Some(instead) = overrides::managed(key) {
        return Some(SpecError::ManagedOverride { key: key.to_owned(), instead });
    }
    // Before anything that repeats the value.
    if overrides::has_password(value) {
        return Some(SpecError::PasswordInOverride { key: key.to_owned() });
    }
    (!kind.admits(value))
        .then(|| SpecError::bad_value(format!("spec.overrides[{key:?}]"), value, kind.wanted()))
}

fn check_image(part: Part, field: &'static str, image: &str, faults: &mut Faults) {
    if let Err(source) = ImageReference::parse(image) {
        faults.push(part, SpecError::BadImage { field, value: image.to_owned(), source });
    }
}

fn check_peer(index: usize, peer: &PeerSource, faults: &mut Faults) {
    let path = format!("spec.peers[{index}]");
    let set = [peer.ec2_tags.is_some(), peer.static_.is_some(), peer.label.is_some()];
    exactly_one(Part::Peers, &path, "ec2Tags, static, label", &set, faults);
    let empty = [
        peer.ec2_tags.as_ref().is_some_and(|tags| tags.region.is_empty() || tags.tags.is_empty()),
        peer.static_.as_ref().is_some_and(|fixed| fixed.addresses.is_empty()),
        peer.label.as_ref().is_some_and(|label| label.selector.is_empty()),
    ];
    let wanted = ["a region and at least one tag", "at least one address", "at least one label to select by"];
    for (_, wanted) in empty.iter().zip(wanted).filter(|(empty, _)| **empty) {
        faults.push(Part::Peers, SpecError::bad_value(path.clone(), "", wanted));
    }
    let addresses = peer.static_.iter().flat_map(|fixed| &fixed.addresses).enumerate();
    for (index, address) in addresses.filter(|(_, address)| !is_peer_address(address)) {
        let wanted =
            "nodeId@host:port with a node id of 40 hexadecimal digits, and brackets around an IPv6 host";
        faults.push(
            Part::Peers,
            SpecError::bad_value(format!("{path}.static.addresses[{index}]"), address, wanted),
        );
    }
}

/// Whether a text can be a label value, and is not empty.
fn is_label_value(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= 63 && edge(text.chars().next()) && edge(text.chars().last()) && text.chars().all(inner)
}
