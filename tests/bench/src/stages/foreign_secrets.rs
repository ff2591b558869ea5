//! Thousands of unrelated Secrets.

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde_json::json;

use super::restart;
use crate::{
    bed::Bed,
    fleet::{self, Fleet},
    report::Run,
};

/// A namespace that has no nodes.
const NAMESPACE: &str = "default";
const SIZE: usize = 10 * 1024;
const TYPES: [&str; 3] = ["Opaque", "helm.sh/release.v1", "kubernetes.io/tls"];

pub(super) async fn measure(
    bed: &mut Bed<'_>,
    fleet: &Fleet,
    count: usize,
    run: &mut Run,
) -> anyhow::Result<()> {
    run.add("memory before foreign Secrets", bed.memory()?.resident, "MB");
    let secrets: Api<Secret> = Api::namespaced(bed.cluster.client.clone(), NAMESPACE);
    for type_ in TYPES {
        let name = type_.rsplit('/').next().unwrap_or_default().to_lowercase();
        let objects = (0..count).map(|index| {
            serde_json::from_value(json!({
                "metadata": { "name": format!("foreign-{name}-{index}") },
                "type": type_,
                "stringData": { "tls.crt": "x".repeat(SIZE), "tls.key": "" },
            }))
        });
        fleet::create(&secrets, objects.collect::<Result<Vec<Secret>, _>>()?).await?;
        bed.until_quiet().await?;
        run.add(&format!("memory with {count} of type {type_}"), bed.memory()?.resident, "MB");
    }
    restart::terminate(bed, fleet, "SIGTERM among foreign Secrets", run).await
}
