//! From creation to Running and quiet.

use std::time::Instant;

use jiff::Timestamp;
use kube::{
    Api,
    api::{ApiResource, DynamicObject},
};
use sei_api::SeiNode;
use sei_testkit::cluster::NAMESPACE;

use super::{PATIENCE, is_running};
use crate::{audit, bed::Bed, fleet::Fleet, report::Run};

pub(super) async fn measure(bed: &mut Bed<'_>, fleet: &mut Fleet, run: &mut Run) -> anyhow::Result<()> {
    let count = fleet.names.len() as f64;
    fleet.prepare(&bed.cluster).await?;
    bed.start_operator(&fleet.names).await?;
    // It lists and watches, and takes its lease.
    bed.until_quiet().await?;
    run.add("memory without nodes", bed.memory()?.resident, "MB");
    let before = bed.cpu()?;
    let mut events = bed.tracker.events();
    let (began, began_at) = (Instant::now(), Timestamp::now());
    let created = fleet.create(&bed.cluster).await?;
    run.add("creation of SeiNodes", began.elapsed().as_secs_f64(), "s");
    let running = events.first(&fleet.names, "Running", PATIENCE, is_running).await?;
    run.add("create → all Running", began.elapsed().as_secs_f64(), "s");
    let after = bed.cpu()?;
    let mut requests = bed.requests()?;
    let to_running = requests.len() as f64;
    let (more, _) = bed.until_quiet().await?;
    requests.extend(more);
    let last_write = requests.iter().rfind(|request| request.is_write()).map(|write| write.at);
    let quiet = last_write.map_or(0.0, |last| last.duration_since(began_at).as_secs_f64());
    run.add("create → quiet", quiet, "s");
    let times = running.iter().filter_map(|(name, at)| Some(at.duration_since(*created.get(name)?)));
    run.times("a node: create → Running", times.map(|time| time.as_secs_f64()));
    let writes = requests.iter().filter(|request| request.is_write()).count() as f64;
    run.add("requests a node to Running", to_running / count, "");
    run.add("requests a node to quiet", requests.len() as f64 / count, "");
    run.add("writes a node to quiet", writes / count, "");
    run.add("operator CPU to Running", after.operator - before.operator, "s");
    run.add("API server CPU to Running", after.api_server - before.api_server, "s");
    let memory = bed.memory()?;
    run.add("peak memory to quiet", memory.peak, "MB");
    run.add("memory when quiet", memory.resident, "MB");
    for (request, number) in audit::counts(&requests) {
        run.requests.insert(request, number as f64 / count);
    }
    let last = fleet.names.last().map(String::as_str).unwrap_or_default();
    run.add("SeiNode as JSON", stored_size(bed, last).await? / 1024.0, "KiB");
    Ok(())
}

/// Bytes of a SeiNode as the API server stores it.
async fn stored_size(bed: &Bed<'_>, name: &str) -> anyhow::Result<f64> {
    let resource = ApiResource::erase::<SeiNode>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(bed.cluster.client.clone(), NAMESPACE, &resource);
    Ok(serde_json::to_string(&api.get(name).await?)?.len() as f64)
}
