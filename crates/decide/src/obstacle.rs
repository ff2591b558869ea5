//! What blocks every plan until a user changes the spec or the cluster.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use sei_api::{
    SeiNode,
    conditions::StalledReason,
    labels::{self, retry_request},
    names,
    v1alpha1::{NodePhase, SeiNodeStatus},
};
use sei_render::{Platform, Rendering};

use crate::{
    claim::Claim, faults, observed::Observed, ownership::group, pods::unscheduled,
    sidecar_conditions::sidecar_too_old,
};

/// Why no plan is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Obstacle {
    pub(crate) reason: StalledReason,
    pub(crate) message: String,
}

impl Obstacle {
    /// Whether an Active plan has to stop as well: it would render the current spec, delete the pod that keeps the
    /// data, or start a pod while another one uses the same key or volume; or the status cannot be read and the plan
    /// may have progressed further than recorded.
    pub(crate) fn holds_plans(&self) -> bool {
        matches!(
            self.reason,
            StalledReason::InvalidSpec
                | StalledReason::DataVolumeLost
                | StalledReason::DataVolumeTerminating
                | StalledReason::SigningKeyInUse
                | StalledReason::VolumeInUse
                | StalledReason::StatusUnknown
        )
    }
}

/// The obstacle to report: one that stops plans before one that does not, or else the first.
pub(crate) fn find(
    observed: &Observed,
    rendering: &Rendering<'_>,
    foreign: Option<String>,
) -> Option<Obstacle> {
    let (node, platform) = (rendering.node().object, rendering.platform());
    let because = |reason| move |message| Obstacle { reason, message };
    let rival = observed.contention.rival.as_ref();
    let found = [
        unknown_status(node).map(because(StalledReason::StatusUnknown)),
        invalid_spec(rendering).map(because(StalledReason::InvalidSpec)),
        old_sidecar(node, platform).map(because(StalledReason::SidecarTooOldForTls)),
        absent_volume(observed).map(because(StalledReason::DataVolumeLost)),
        replaced_volume(observed).map(because(StalledReason::DataVolumeLost)),
        ending_volume(observed).map(because(StalledReason::DataVolumeTerminating)),
        rival.map(|rival| Obstacle { reason: rival.reason, message: rival.message.clone() }),
        foreign.map(because(StalledReason::ForeignObject)),
    ];
    found.into_iter().flatten().min_by_key(|obstacle| !obstacle.holds_plans())
}

fn unknown_status(node: &SeiNode) -> Option<String> {
    let field = node.status.as_ref().and_then(SeiNodeStatus::unknown_field)?;
    Some(format!(
        "{field} has a value that this version of the operator does not know; a later version probably wrote it: upgrade the operator, or correct the value with kubectl edit --subresource=status"
    ))
}

fn invalid_spec(rendering: &Rendering<'_>) -> Option<String> {
    let faults = faults::blocking(rendering);
    (!faults.is_empty()).then(|| faults.join("; "))
}

fn old_sidecar(node: &SeiNode, platform: &Platform) -> Option<String> {
    let image = sidecar_too_old(node, platform)?;
    Some(format!(
        "sidecar image {image} is older than v0.0.50 and does not support TLS: set spec.sidecar.image to v0.0.50 or later"
    ))
}

fn absent_volume(observed: &Observed) -> Option<String> {
    let lost = lost_volume(observed)?;
    Some(format!(
        "volume claim {} was deleted, and the node's data with it: restore a claim of this name, or {}",
        names::data_claim(&observed.node),
        on_an_empty_volume(&observed.node, lost)
    ))
}

/// What to do if the data is lost permanently. A validator of a group has lost its keys with it: started on an empty
/// volume, it would create keys that are not in the genesis.
fn on_an_empty_volume(node: &SeiNode, claim: &str) -> String {
    let validator = node.spec.validator.as_ref();
    let takes_part = validator.is_some_and(|validator| validator.genesis_ceremony.is_some());
    match group(node).filter(|_| takes_part) {
        Some(group) => format!(
            "delete the SeiNode: its keys are lost, and SeiNodeDeployment {group} creates one that joins the chain with new keys"
        ),
        None => format!("set annotation {}={claim} to start with an empty volume", labels::RETRY_ANNOTATION),
    }
}

/// Identifies the loss of the claim of a Running node: its UID, or, if it was never recorded, the UID of the pod that
/// lacks it. The claim is not recreated without consent, since an empty volume has lost the data.
fn lost_volume(observed: &Observed) -> Option<&str> {
    let status = observed.node.status.as_ref()?;
    let is_own = names::imported_claim(&observed.node).is_none() && observed.claim.is_none();
    let pod =
        observed.children.pod.as_deref().filter(|_| is_own && is_in(Some(status), NodePhase::Running))?;
    misses_claim(observed, pod).then(|| status.data_claim_uid.as_deref().or(pod.metadata.uid.as_deref()))?
}

fn replaced_volume(observed: &Observed) -> Option<String> {
    let claim = replaced_claim(observed)?;
    Some(format!(
        "volume claim {name} is not the one that holds the node's data; it was deleted and recreated, and may be empty. If it holds \
         restored data, run: kubectl annotate pvc {name} {}=true; otherwise {}",
        labels::INITIALIZED_ANNOTATION,
        on_an_empty_volume(&observed.node, &claim.uid),
        name = claim.name,
    ))
}

/// The claim of a Running node that is not the one on which it was initialized, unless it is known to hold
/// data: seid would start without configuration, and a validator without its record of what it has signed.
pub(crate) fn replaced_claim(observed: &Observed) -> Option<&Claim> {
    let status = observed.node.status.as_ref().filter(|status| is_in(Some(status), NodePhase::Running))?;
    let known = status.data_claim_uid.as_deref()?;
    observed.claim.as_ref().filter(|claim| claim.uid != known && !claim.has_state)
}

/// Whether a user has agreed to initialize an empty volume: the request names the claim that was lost, or its
/// replacement.
pub(crate) fn may_start_over(observed: &Observed) -> bool {
    let lost = lost_volume(observed).or_else(|| replaced_claim(observed).map(|claim| claim.uid.as_str()));
    lost.is_some() && lost == retry_request(&*observed.node)
}

/// Whether the scheduler reports that the data volume claim of `pod` does not exist.
pub(crate) fn misses_claim(observed: &Observed, pod: &Pod) -> bool {
    let missing = format!("persistentvolumeclaim {:?} not found", names::data_claim(&observed.node));
    unscheduled(pod).is_some_and(|words| words.contains(&missing))
}

/// What to do about a claim of the node that is being deleted. The claim and its data are deleted once no pod uses it.
fn ending_volume(observed: &Observed) -> Option<String> {
    let claim = observed.claim.as_ref()?;
    let since = claim.deleted_at?;
    let imported = names::imported_claim(&observed.node).is_some();
    let pod = observed.children.pod.as_deref().or(observed.children.bootstrap_pod.as_deref())?;
    if !claim.is_owned && !imported {
        return None;
    }
    let volume = claim.volume.as_deref().unwrap_or("of the claim");
    Some(format!(
        "volume claim {} has been terminating since {since}, and its data will be deleted when pod {} ends, so no plan that ends the \
         pod is started. The deletion cannot be undone; to keep the data, set persistentVolumeReclaimPolicy of \
         PersistentVolume {volume} to Retain now, then import the volume into a new SeiNode (docs/backup.md)",
        claim.name,
        pod.name_any()
    ))
}

fn is_in(status: Option<&SeiNodeStatus>, phase: NodePhase) -> bool {
    status.and_then(|status| status.phase) == Some(phase)
}
