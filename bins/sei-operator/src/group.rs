//! What the operator creates for a group, and what it would do next with an existing one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::api::{core::v1::Service, policy::v1::PodDisruptionBudget};
use kube::ResourceExt;
use sei_api::{
    ClusterDomain, SeiNode, SeiNodeDeployment, SeiNodeDeploymentStatus,
    conditions::is_true,
    deployment_conditions::ConditionType,
    labels,
    v1alpha1::{TaskPlan, deployment::ChildNode},
};
use sei_deployment::{
    CeremonyFacts, Color, Decision, HTTPRoute, Object, Observed, Routes, Seat, child, decide,
    objects as beside, status,
};
use sei_plan::build::bare;
use sei_render::Platform;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::bad_input::bad;

/// The SeiNodes of a group and its other objects.
pub(crate) fn objects(group: &SeiNodeDeployment, platform: &Platform) -> Vec<Value> {
    let revision = group.metadata.generation.unwrap_or(1).to_string();
    let seats = (0..group.spec.replicas()).map(|ordinal| Seat::new(group, Color::Blue, ordinal));
    let nodes = seats.map(|seat| json!(child(group, &seat, &revision)));
    let others = beside(group, Color::Blue, &routes(platform)).into_iter().map(|object| object.body());
    let mut objects: Vec<_> = nodes.chain(others).collect();
    if group.metadata.uid.is_none() {
        // An owner that does not exist yet cannot be referenced.
        for object in &mut objects {
            object["metadata"].as_object_mut().map(|metadata| metadata.remove("ownerReferences"));
        }
    }
    objects
}

/// What the operator does next with a group.
#[derive(Serialize)]
pub(crate) struct Next {
    steps: Vec<String>,
    nodes: Vec<ChildNode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stalled: Option<String>,
    /// The plan of the genesis ceremony, as it would then be stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<TaskPlan>,
}

impl Next {
    /// Decides for the group and its existing SeiNodes, Services, PodDisruptionBudgets and HTTPRoutes. A group that
    /// does not exist yet gets this UID, which is the ID of its plan.
    pub(crate) fn of(
        group: &SeiNodeDeployment,
        uid: String,
        existing: Vec<Value>,
        routes: Routes,
        domain: ClusterDomain,
    ) -> anyhow::Result<Self> {
        let mut group = group.clone();
        group.metadata.uid.get_or_insert(uid);
        // The finalizer is added before anything else is done.
        if group.metadata.deletion_timestamp.is_none() {
            group.finalizers_mut().push(labels::DEPLOYMENT_FINALIZER.to_owned());
        }
        let (mut nodes, mut objects) = (Vec::<Arc<SeiNode>>::new(), Vec::<Object>::new());
        for object in existing {
            match object["kind"].as_str() {
                Some("SeiNode") => nodes.push(Arc::new(read(object)?)),
                Some("Service") => objects.push(Arc::new(read::<Service>(object)?).into()),
                Some("PodDisruptionBudget") => {
                    objects.push(Arc::new(read::<PodDisruptionBudget>(object)?).into());
                }
                Some("HTTPRoute") => objects.push(Arc::new(read::<HTTPRoute>(object)?).into()),
                _ => {}
            }
        }
        let observed = Observed {
            group: Arc::new(group),
            nodes,
            objects,
            unreadable: BTreeSet::new(),
            // The height of seid is unknown offline.
            halts: BTreeMap::new(),
            heights: BTreeMap::new(),
            ceremony: CeremonyFacts::default(),
            knows_budgets: true,
            routes,
            // Groups of other namespaces are not part of the input.
            rivals: Vec::new(),
            domain,
            now: Timestamp::now(),
        };
        let decision = decide(&observed);
        let status = status(&observed, &decision, &[]);
        Ok(Self::from(&observed, &decision, status))
    }

    fn from(observed: &Observed, decision: &Decision, status: SeiNodeDeploymentStatus) -> Self {
        let is_new = observed.group.status.as_ref().is_none_or(|status| status.plan.is_none());
        let stalled = status.condition(ConditionType::Stalled).filter(|stalled| is_true(Some(stalled)));
        Self {
            steps: decision.writes.iter().map(|write| write.describe(&observed.nodes)).collect(),
            stalled: stalled.map(|stalled| format!("{}: {}", stalled.reason, stalled.message)),
            nodes: status.nodes.unwrap_or_default(),
            plan: status.plan.map(|plan| if is_new { bare(&plan) } else { plan }),
        }
    }

    /// A line for each step, each node that waits, and each obstacle.
    pub(crate) fn table(&self) -> String {
        let nothing = self.steps.is_empty().then(|| "nothing to do now".to_owned());
        let waits = self.nodes.iter().filter_map(|node| {
            let message = node.message.as_deref().unwrap_or_default();
            Some(format!("{}: {}: {message}", node.name, node.reason.as_ref()?))
        });
        let stalled = self.stalled.iter().map(|stalled| format!("stalled: {stalled}"));
        let lines = nothing.into_iter().chain(self.steps.iter().cloned()).chain(waits).chain(stalled);
        lines.map(|line| line + "\n").collect()
    }
}

/// Whether routes can be written, for the Gateway of the platform.
pub(crate) fn routes(platform: &Platform) -> Routes {
    let gateway = platform.gateway().cloned();
    gateway.map_or(Routes::NoGateway, |gateway| Routes::At(Arc::new(gateway)))
}

fn read<T: DeserializeOwned>(object: Value) -> anyhow::Result<T> {
    let what = format!("{} {}", object["kind"], object["metadata"]["name"]).replace('"', "");
    serde_json::from_value(object).map_err(|error| bad(format!("{what}: {error}")))
}
