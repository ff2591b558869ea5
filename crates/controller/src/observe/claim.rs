//! The data volume claim. An imported one is checked for the requirements of `ensure-data-pvc`.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{PersistentVolume, PersistentVolumeClaim},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::Api;
use sei_api::{SeiNode, names};
use sei_decide::{Claim, Finding};
use sei_node::compare_quantities;

use super::remembered;
use crate::{
    context::Context,
    packed::get,
    references::{Kind, Target},
    refusal::error_message,
};

/// The last known state of the claim: an imported one as last read, the node's own from the cache.
pub(super) fn find(ctx: &Context, node: &SeiNode) -> Option<Claim> {
    let is_imported = names::imported_claim(node).is_some();
    let cached = || get(&ctx.cache.claims, names::namespace(node), &names::data_claim(node));
    let cached = if is_imported { None } else { cached() };
    ctx.memory(node, |memory| {
        let mut claim = match is_imported {
            true => memory.imported.clone()?,
            false => Claim::of(&*memory.writes.newest(cached)?, node),
        };
        claim.has_state |= memory.initialized.as_ref() == Some(&claim.uid);
        Some(claim)
    })
}

/// Whether the imported claim can be used. `None` without an import.
pub(super) async fn imported(ctx: &Context, node: &SeiNode) -> Option<Finding> {
    let name = names::imported_claim(node)?;
    let mode = node.spec.mode()?;
    let look = async {
        let api: Api<PersistentVolumeClaim> = Api::namespaced(ctx.client.clone(), names::namespace(node));
        let read = api.get_opt(name).await;
        if let Ok(claim) = &read {
            let claim = claim.as_ref().map(|claim| Claim::of(claim, node));
            ctx.memory(node, |memory| memory.imported = claim);
        }
        let claim = match read {
            Err(error) => {
                return Finding::Unread(format!("claim {name} could not be read: {}", error_message(&error)));
            }
            Ok(None) => return Finding::NotYet(format!("claim {name} does not exist")),
            Ok(Some(claim)) => claim,
        };
        if let Some(why) = ctx.platform.refuses_reference(claim.metadata.labels.as_ref()) {
            return Finding::NotYet(format!("claim {name} {why}"));
        }
        let volume = match claim_is_usable(name, &claim, ctx.platform.required_storage(mode)) {
            Ok(volume) => volume,
            Err(finding) => return finding,
        };
        let volumes: Api<PersistentVolume> = Api::all(ctx.client.clone());
        match volumes.get_opt(&volume).await {
            Err(error) => {
                Finding::Unread(format!("volume {volume} could not be read: {}", error_message(&error)))
            }
            Ok(None) => Finding::NotYet(format!("volume {volume} of claim {name} does not exist")),
            Ok(Some(found)) => volume_is_usable(name, &claim, &found),
        }
    };
    Some(remembered(ctx, node, Target::of(node, Kind::Claim, name), look).await)
}

/// The name of the volume of a usable claim, or what is wrong with the claim. The order is that of the Go
/// controller, so that the same problem is reported first.
fn claim_is_usable(
    name: &str,
    claim: &PersistentVolumeClaim,
    required: &Quantity,
) -> Result<String, Finding> {
    let not_yet = |why: &str| Err(Finding::NotYet(format!("claim {name} {why}")));
    if claim.metadata.deletion_timestamp.is_some() {
        return not_yet("is being deleted");
    }
    let status = claim.status.as_ref();
    match status.and_then(|status| status.phase.as_deref()) {
        Some("Bound") => {}
        Some("Lost") => return Err(Finding::Bad(format!("claim {name} has lost its volume"))),
        phase => return not_yet(&format!("is {}, not Bound", phase.unwrap_or("without a phase"))),
    }
    let spec = claim.spec.as_ref();
    let modes = spec.and_then(|spec| spec.access_modes.as_deref()).unwrap_or_default();
    if !modes.iter().any(|mode| mode == "ReadWriteOnce" || mode == "ReadWriteOncePod") {
        let why =
            format!("claim {name} has access modes {modes:?}; it needs ReadWriteOnce or ReadWriteOncePod");
        return Err(Finding::Bad(why));
    }
    let Some(capacity) = storage(status.and_then(|status| status.capacity.as_ref())) else {
        return not_yet("has no capacity in its status");
    };
    if compare_quantities(capacity, required).is_none_or(|order| order.is_lt()) {
        let why = format!("claim {name} has {}, this mode of node needs {}", capacity.0, required.0);
        return Err(Finding::Bad(why));
    }
    match spec.and_then(|spec| spec.volume_name.clone()).filter(|volume| !volume.is_empty()) {
        Some(volume) => Ok(volume),
        None => not_yet("names no volume"),
    }
}

fn volume_is_usable(name: &str, claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> Finding {
    let volume_name = volume.metadata.name.as_deref().unwrap_or_default();
    if volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Failed") {
        return Finding::Bad(format!("volume {volume_name} of claim {name} has failed"));
    }
    let claimed = storage(claim.status.as_ref().and_then(|status| status.capacity.as_ref()));
    let actual = storage(volume.spec.as_ref().and_then(|spec| spec.capacity.as_ref()));
    let equal = claimed.zip(actual).and_then(|(claimed, actual)| compare_quantities(claimed, actual));
    match equal.is_some_and(|order| order.is_eq()) {
        true => Finding::Good(format!("claim {name} is bound to volume {volume_name}")),
        false => Finding::Bad(format!(
            "volume {volume_name} has {}, claim {name} says {}; they must be equal",
            actual.map_or("no capacity", |quantity| quantity.0.as_str()),
            claimed.map_or("nothing", |quantity| quantity.0.as_str()),
        )),
    }
}

fn storage(capacity: Option<&BTreeMap<String, Quantity>>) -> Option<&Quantity> {
    capacity?.get("storage")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testbed;

    #[tokio::test]
    async fn a_claim_without_the_required_label_is_not_imported() {
        for (labels, expected) in [
            (json!({ "allowed": "yes" }), Ok("claim old is bound to volume disk")),
            (json!({ "allowed": "no" }), Err("claim old lacks label allowed=yes")),
            (json!({}), Err("claim old lacks label allowed=yes")),
        ] {
            let client = testbed::client(move |path| {
                let capacity = json!({ "storage": "2000Gi" });
                let is_claim = path.ends_with("/namespaces/sei/persistentvolumeclaims/old");
                let object = match is_claim {
                    true => json!({
                        "metadata": { "name": "old", "namespace": "sei", "labels": labels },
                        "spec": { "accessModes": ["ReadWriteOnce"], "volumeName": "disk" },
                        "status": { "phase": "Bound", "capacity": capacity },
                    }),
                    false => json!({ "metadata": { "name": "disk" }, "spec": { "capacity": capacity } }),
                };
                (200, object)
            });
            let (ctx, _writers) = testbed::context(&client, &[("SEI_REFERENCE_LABEL", "allowed=yes")]);
            let parts = json!({ "fullNode": {}, "dataVolume": { "import": { "pvcName": "old" } } });
            let finding = imported(&ctx, &testbed::node("u", parts)).await;
            let is_expected = match (&finding, expected) {
                (Some(Finding::Good(what)), Ok(start)) => what.starts_with(start),
                (Some(Finding::NotYet(why)), Err(start)) => why.starts_with(start),
                _ => false,
            };
            assert!(is_expected, "{finding:?}, not {expected:?}");
        }
    }
}
