//! Reverts drift in the objects of a node.

use std::{
    fmt::{Debug, Display},
    time::Duration,
};

use sei_api::{SeiNode, names};
use sei_decide::{Observed, Overridden, Repair, Repaired};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    act::{self, ApplyError},
    context::Context,
    written::Written,
};

/// How long fields that another client changes back are left alone.
const OVERRIDDEN: Duration = Duration::from_secs(300);

/// Executes one repair, and returns its result.
pub(crate) async fn repair(ctx: &Context, observed: &Observed, repair: Repair) -> Repaired {
    let (node, children) = (&*observed.node, &observed.children);
    match repair {
        Repair::StatefulSet(object) => {
            restore(ctx, node, &*object, children.stateful_set.as_deref(), "StatefulSet").await
        }
        Repair::Service(object) => restore(ctx, node, &*object, children.service.as_deref(), "Service").await,
        Repair::ConfigMap(object) => {
            restore(ctx, node, &*object, children.config_map.as_deref(), "ConfigMap").await
        }
        Repair::ClaimRetention(claim) => {
            of_claim(node, &claim.name, "change the owner of", act::apply_retention(ctx, node).await)
        }
        Repair::ClaimMark(claim) => {
            of_claim(node, &claim.name, "annotate", act::mark_initialized(ctx, node, &claim).await)
        }
    }
}

fn of_claim(node: &SeiNode, claim: &str, doing: &str, outcome: Result<(), impl Display>) -> Repaired {
    match outcome {
        Ok(()) => Repaired::Done,
        Err(error) => {
            let (namespace, name) = (names::namespace(node), names::node(node));
            tracing::warn!(namespace, name, claim, doing, %error, "failed to change claim");
            Repaired::Failed(format!("{doing} claim {claim}: {error}"))
        }
    }
}

async fn restore<K>(
    ctx: &Context,
    node: &SeiNode,
    object: &K,
    cached: Option<&K>,
    kind: &'static str,
) -> Repaired
where
    K: Written + Debug + Serialize + DeserializeOwned,
{
    let repaired = judged(object, act::apply(ctx, node, object, cached).await, kind);
    let (namespace, name) = (names::namespace(node), names::node(node));
    match &repaired {
        Repaired::Done => {
            tracing::info!(namespace, name, kind, "reverted drift in owned object");
            ctx.metrics.reverted(namespace, kind);
        }
        Repaired::Failed(error) => {
            tracing::warn!(namespace, name, kind, error, "failed to revert drift in owned object");
        }
        Repaired::Undone(overridden) => {
            tracing::warn!(namespace, name, kind, paths = ?overridden.paths, "drift in owned object was not reverted: the object differs again after each write");
            let until = ctx.now() + OVERRIDDEN;
            ctx.memory(node, |memory| memory.overridden.push((until, overridden.clone())));
        }
    }
    repaired
}

/// The result of a repair of `object`, from the response of the API server.
fn judged<K>(object: &K, applied: Result<K, ApplyError>, kind: &'static str) -> Repaired
where
    K: Written + Serialize,
{
    match applied {
        Err(error) => Repaired::Failed(error.to_string()),
        Ok(live) => Overridden::find(object, &live, kind).map_or(Repaired::Done, Repaired::Undone),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;
    use serde_json::json;

    use super::*;

    fn service(port: u16) -> Service {
        let spec = json!({ "clusterIP": "None", "ports": [{ "port": port }] });
        serde_json::from_value(json!({ "metadata": { "name": "rpc-0" }, "spec": spec })).unwrap()
    }

    #[test]
    fn a_repair_is_done_if_the_written_object_matches() {
        let live = serde_json::to_value(service(26657)).map(|mut live| {
            live["metadata"]["resourceVersion"] = "7".into();
            live["spec"]["sessionAffinity"] = "None".into();
            serde_json::from_value(live).unwrap()
        });
        assert_eq!(judged(&service(26657), Ok(live.unwrap()), "Service"), Repaired::Done);
    }

    #[test]
    fn a_rejected_repair_has_the_cause_and_an_undone_one_the_fields() {
        let refused = || {
            let status = kube::core::Status::failure("exceeded quota: no services", "Forbidden");
            let source = Box::new(kube::Error::Api(status.with_code(403).boxed()));
            ApplyError::Api { kind: "Service".to_owned(), name: "rpc-0".to_owned(), source }
        };
        let why = "failed to write Service rpc-0: exceeded quota: no services";
        assert_eq!(judged(&service(1), Err(refused()), "Service"), Repaired::Failed(why.to_owned()));
        let Repaired::Undone(overridden) = judged(&service(1), Ok(service(2)), "Service") else {
            panic!("the port differs")
        };
        assert!(overridden.to_string().starts_with("Service rpc-0: /spec/ports"), "{overridden}");
    }
}
