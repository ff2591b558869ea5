//! Which RPC servers provide the block that state sync or a restored snapshot trusts.

use sei_api::{
    SeiNodeStatus,
    conditions::{self, ConditionType, StateSyncReason, Statement},
    v1alpha1::NodePhase,
};
use sei_node::Node;
use sei_render::{Platform, SidecarRelease, sidecar_image};

use crate::{condition::say, observed::Observed};

/// Reports which servers provide the trusted block of the first state, until the node is Running.
pub(crate) fn tell(observed: &Observed, node: &Node<'_>, platform: &Platform, status: &mut SeiNodeStatus) {
    let sync = node.first_state().sync();
    let Some(sync) = sync.filter(|_| status.phase != Some(NodePhase::Running)) else {
        conditions::remove(&mut status.conditions, ConditionType::StateSyncReady);
        return;
    };
    let (truth, reason, message) = match sync.rpc_servers {
        [] if node.has_witnesses() => (
            true,
            StateSyncReason::WitnessesFromPeers,
            "the first two peers are queried for a trusted block on port 26657; snapshot.rpcServers, or the platform (setting SEI_RPC_SERVERS), can list others".to_owned(),
        ),
        [] => (
            false,
            StateSyncReason::NoWitnesses,
            "no RPC server is known that provides a trusted block: list at least two in snapshot.rpcServers, or for the chain in the platform setting SEI_RPC_SERVERS".to_owned(),
        ),
        servers if let Some(why) = ignored(servers, sidecar_image(node.object, platform)) => {
            (false, StateSyncReason::WitnessesIgnored, why)
        }
        servers => {
            let (reason, source) = match sync.are_from_platform {
                true => (StateSyncReason::WitnessesOfPlatform, ", which the platform lists for this chain"),
                false => (StateSyncReason::WitnessesListed, ""),
            };
            (true, reason, format!("{} are queried for a trusted block{source}", servers.join(", ")))
        }
    };
    say(observed, status, Statement::new(truth, reason, message));
}

/// Why a sidecar with this image does not use `servers`, if it is known to be too old: it says nothing itself.
fn ignored(servers: &[String], image: &str) -> Option<String> {
    let upgrade = |release: SidecarRelease| format!("set spec.sidecar.image to {release} or later");
    if SidecarRelease::V55.is_after(image) {
        let upgrade = upgrade(SidecarRelease::V55);
        return Some(format!(
            "sidecar image {image} ignores RPC servers and queries the first two peers on port 26657: {upgrade}"
        ));
    }
    let secure = servers.iter().find(|server| server.ends_with(":443"));
    let secure = secure.filter(|_| SidecarRelease::V61.is_after(image))?;
    let upgrade = upgrade(SidecarRelease::V61);
    Some(format!("sidecar image {image} queries {secure} without HTTPS: {upgrade}, or list another port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn witnesses_that_an_old_sidecar_ignores_are_reported() {
        let said = |image: &str, server: &str| ignored(&[server.to_owned()], image).unwrap_or_default();
        assert!(said("seictl:v0.0.54", "a:26657").contains("to v0.0.55 or later"));
        assert!(said("seictl:v0.0.60", "a:443").contains("to v0.0.61 or later"));
        for image in ["seictl:v0.0.61", "seictl:main"] {
            assert_eq!(said(image, "a:443"), "", "{image}");
        }
        assert_eq!(said("seictl:v0.0.55", "a:26657"), "");
    }
}
