//! Which RPC servers provide the block that state sync or a restored snapshot trusts.

use sei_api::{
    SeiNodeStatus,
    conditions::{self, ConditionType, StateSyncReason, Statement},
    v1alpha1::NodePhase,
};
use sei_node::Node;
use sei_plan::{MARK_NOT_READY, RESTART_SEID, is_secure};
use sei_render::{Platform, SidecarRelease, sidecar_image};

use crate::{condition::set_condition, observed::Observed, sidecar::Sidecar};

/// Reports which servers provide the trusted block of the first state, until the node is Running.
pub(crate) fn report(observed: &Observed, node: &Node<'_>, platform: &Platform, status: &mut SeiNodeStatus) {
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
        servers if let Some(why) = ignored(servers, &observed.sidecar, sidecar_image(node.object, platform)) => {
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
    set_condition(observed, status, Statement::new(truth, reason, message));
}

/// Why the sidecar does not use `servers`, if it is known to be too old: it does not report that itself. The tasks that
/// it supports reveal more than its image, but not the exact release.
fn ignored(servers: &[String], sidecar: &Sidecar, image: &str) -> Option<String> {
    if is_before(SidecarRelease::V55, RESTART_SEID, sidecar, image) {
        return Some(format!(
            "sidecars before {} ignore RPC servers and query the first two peers on port 26657; {image} {}: set spec.sidecar.image to a later one",
            SidecarRelease::V55,
            evidence(RESTART_SEID, sidecar)
        ));
    }
    let secure = servers.iter().find(|server| is_secure(server))?;
    is_before(SidecarRelease::V61, MARK_NOT_READY, sidecar, image).then(|| {
        format!(
            "sidecars before {} query {secure} without HTTPS; {image} {}: set spec.sidecar.image to a later one, or list another port",
            SidecarRelease::V61,
            evidence(MARK_NOT_READY, sidecar)
        )
    })
}

/// Whether a sidecar is, or may be, of an earlier release than `release`. `type_` is the first task type of a later one.
fn is_before(release: SidecarRelease, type_: &str, sidecar: &Sidecar, image: &str) -> bool {
    match SidecarRelease::of_image(image) {
        _ if sidecar.supports(type_) => false,
        Some(found) => found < release,
        None => sidecar.lacks(type_),
    }
}

fn evidence(type_: &str, sidecar: &Sidecar) -> String {
    if sidecar.lacks(type_) { format!("has no task {type_}") } else { "is older".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(image: &str, server: &str, known: &[(&'static str, bool)]) -> String {
        let sidecar = Sidecar { task_types: known.iter().copied().collect(), ..Sidecar::default() };
        ignored(&[server.to_owned()], &sidecar, image).unwrap_or_default()
    }

    #[test]
    fn witnesses_that_an_old_sidecar_ignores_are_reported() {
        assert!(said("seictl:v0.0.54", "a:26657", &[]).contains("before v0.0.55 ignore RPC servers"));
        assert!(said("seictl:v0.0.60", "a:443", &[]).contains("before v0.0.61 query a:443 without HTTPS"));
        for image in ["seictl:v0.0.61", "seictl:main"] {
            assert_eq!(said(image, "a:443", &[]), "", "{image}");
        }
        assert_eq!(said("seictl:v0.0.55", "a:26657", &[]), "");
    }

    #[test]
    fn a_digest_is_judged_by_what_the_sidecar_supports() {
        let digest = "seictl@sha256:ab";
        assert_eq!(said(digest, "a:443", &[]), "", "it has not been asked yet");
        let old = said(digest, "a:26657", &[(RESTART_SEID, false)]);
        assert!(old.contains("has no task restart-seid: set spec.sidecar.image"), "{old}");
        assert_eq!(said(digest, "a:443", &[(RESTART_SEID, true), (MARK_NOT_READY, true)]), "");
        let old = said(digest, "a:443", &[(RESTART_SEID, true), (MARK_NOT_READY, false)]);
        assert!(old.contains("has no task mark-not-ready"), "{old}");
    }

    #[test]
    fn a_tag_counts_only_where_the_task_types_leave_it_open() {
        assert_eq!(
            said("seictl:v0.0.55", "a:26657", &[(RESTART_SEID, false)]),
            "",
            "the first that uses them"
        );
        assert_eq!(said("mirror/seictl:v0.0.1", "a:26657", &[(RESTART_SEID, true)]), "", "another numbering");
    }
}
