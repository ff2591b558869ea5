//! Invalid certificates, replaced with valid ones one after the other.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use sei_api::{SeiNode, conditions::ConditionType};
use sei_testkit::cluster::NAMESPACE;
use serde_json::json;

use crate::{bed::Bed, fleet::Fleet, report::Run};

/// How many are replaced.
const SAMPLES: usize = 100;
const LIMIT: Duration = Duration::from_secs(60);

pub(super) async fn measure(bed: &Bed<'_>, fleet: &Fleet, run: &mut Run) -> anyhow::Result<()> {
    let names = fleet.with_tls();
    if names.is_empty() {
        return Ok(());
    }
    let secrets: Api<Secret> = Api::namespaced(bed.cluster.client.clone(), NAMESPACE);
    let mut times = Vec::new();
    for name in names.iter().cycle().take(SAMPLES) {
        let good = fleet.secret(name)?;
        let secret = good.name_any();
        let broken = json!({ "stringData": { "tls.crt": "not a certificate" } });
        let mut events = bed.tracker.events();
        secrets.patch(&secret, &PatchParams::default(), &Patch::Merge(&broken)).await?;
        let this_one = std::slice::from_ref(name);
        events
            .first(this_one, "held for its certificate", LIMIT, |node| status(node) == Some("False"))
            .await?;
        let mended = Instant::now();
        secrets.patch(&secret, &PatchParams::default(), &Patch::Merge(&good)).await?;
        let seen = events
            .first(this_one, "condition of its certificate", LIMIT, |node| status(node) == Some("True"));
        times.extend(seen.await?.into_values().map(|at| at.duration_since(mended).as_secs_f64()));
    }
    run.times("Secret mended → condition", times.into_iter());
    Ok(())
}

fn status(node: &SeiNode) -> Option<&str> {
    let status = node.status.as_ref()?;
    Some(status.condition(ConditionType::SidecarTlsSecretReady)?.status.as_str())
}
