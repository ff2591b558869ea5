//! Where a node finds its peers.

use sei_api::v1alpha1::{self, Ec2TagsPeers, LabelPeers};

use crate::{Part, SpecError, fault::Faults, is_peer_address};

/// One source of peers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PeerSource<'a> {
    /// EC2 instances selected by tags, resolved by the sidecar.
    Ec2Tags(&'a Ec2TagsPeers),
    /// Fixed addresses.
    Static(&'a [String]),
    /// Other SeiNodes of this cluster, selected by labels.
    Label(&'a LabelPeers),
}

/// The sources in `peers`; `None` if there are none.
pub(crate) fn read<'a>(
    peers: &'a [v1alpha1::PeerSource],
    faults: &mut Faults,
) -> Option<Vec<PeerSource<'a>>> {
    let fixed = peers.iter().filter_map(|peer| peer.static_.as_ref());
    faults.too_large(Part::Peers, "spec.peers", fixed.flat_map(|fixed| &fixed.addresses));
    let sources: Vec<_> = peers.iter().enumerate().map(|(index, peer)| source(index, peer, faults)).collect();
    (!sources.is_empty()).then(|| sources.into_iter().flatten().collect())
}

fn source<'a>(index: usize, peer: &'a v1alpha1::PeerSource, faults: &mut Faults) -> Option<PeerSource<'a>> {
    let path = format!("spec.peers[{index}]");
    let set = [peer.ec2_tags.is_some(), peer.static_.is_some(), peer.label.is_some()];
    faults.exactly_one(Part::Peers, &path, "ec2Tags, static, label", &set);
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
            "nodeId@host:port with a node ID of 40 hexadecimal digits, and brackets around an IPv6 host";
        let field = format!("{path}.static.addresses[{index}]");
        faults.push(Part::Peers, SpecError::bad_value(field, address, wanted));
    }
    let tags = peer.ec2_tags.as_ref().map(PeerSource::Ec2Tags);
    let fixed = || peer.static_.as_ref().map(|fixed| PeerSource::Static(&fixed.addresses));
    tags.or_else(fixed).or_else(|| peer.label.as_ref().map(PeerSource::Label))
}
