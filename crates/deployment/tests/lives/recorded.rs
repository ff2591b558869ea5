//! Groups of the Go controller in recorded states (`tests/conformance/deployment`).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use kube::ResourceExt;
use sei_api::{ClusterDomain, SeiNode, SeiNodeDeployment, SeiNodeDeploymentStatus};
use sei_deployment::{CeremonyFacts, Object, ObjectKind, Observed, Routes, decide, status};
use sei_render::Platform;
use serde_json::{Value, json};

use crate::world::object;

/// A recorded state: the group, its SeiNodes and its Services, completed with what the recording left out.
pub struct Recorded {
    /// `CASE/NN-label`.
    pub name: String,
    pub state: Value,
}

impl Recorded {
    pub fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        // Times are recorded as words.
        let mut state: Value = serde_json::from_str(&text.replace("<time>", "2026-05-17T00:00:00Z")).unwrap();
        if state["seiNodes"].is_null() {
            state["seiNodes"] = json!([]);
        }
        for node in state["seiNodes"].as_array_mut().unwrap() {
            node["metadata"]["uid"] = node["metadata"]["name"].clone();
            // As once our operator has reconciled the SeiNode.
            let is_running = node["status"]["phase"] == "Running";
            let is_current = node["status"]["currentImage"] == node["spec"]["image"];
            node["status"]["observedGeneration"] = node["metadata"]["generation"].clone();
            node["status"]["conditions"] = json!([{
                "type": "Ready", "status": if is_running && is_current { "True" } else { "False" },
                "reason": "PlanInProgress", "message": "", "lastTransitionTime": "2026-05-17T00:00:00Z",
            }]);
        }
        Self { name: name.to_owned(), state }
    }

    /// Every recorded state in which the group exists.
    pub fn all() -> Vec<Self> {
        let mut states: Vec<_> = paths(&folder())
            .filter(|case| case.is_dir())
            .flat_map(|case| paths(&case).collect::<Vec<_>>())
            .map(|path| path.strip_prefix(folder()).unwrap().with_extension("").display().to_string())
            .map(|name| Self::read(&name))
            .filter(|recorded| !recorded.state["seiNodeDeployment"].is_null())
            .collect();
        states.sort_by(|left, right| left.name.cmp(&right.name));
        assert!(states.len() > 60, "{}", states.len());
        states
    }

    pub fn group(&self) -> SeiNodeDeployment {
        serde_json::from_value(self.state["seiNodeDeployment"].clone()).unwrap()
    }

    pub fn nodes(&self) -> Vec<Arc<SeiNode>> {
        let nodes = self.state["seiNodes"].as_array().unwrap().iter();
        nodes.map(|node| Arc::new(serde_json::from_value(node.clone()).unwrap())).collect()
    }

    /// The Services and HTTPRoutes. The recording left out their uids.
    pub fn objects(&self) -> Vec<Object> {
        let of = |list: &str, kind: ObjectKind| {
            let objects = self.state[list].as_array().into_iter().flatten().cloned();
            let read = move |mut body: Value| {
                body["metadata"]["uid"] = body["metadata"]["name"].clone();
                object(kind, &body)
            };
            objects.map(read).collect::<Vec<_>>()
        };
        [of("services", ObjectKind::Service), of("httpRoutes", ObjectKind::HTTPRoute)].concat()
    }

    /// At the Gateway of the platform on which the case was recorded.
    pub fn routes(&self) -> Routes {
        let env = include_str!("../../../../tests/conformance/full-plain/platform.env");
        let settings = env.lines().filter_map(|line| line.split_once('='));
        let is_public = self.name.starts_with("08");
        let public = is_public.then_some(("SEI_GATEWAY_PUBLIC_DOMAIN", "platform.sei.io"));
        let settings = settings.chain(public).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let platform = Platform::from_settings(&settings.collect()).unwrap();
        Routes::At(Arc::new(platform.gateway().unwrap().clone()))
    }

    pub fn observe(&self) -> Observed {
        Observed {
            group: Arc::new(self.group()),
            nodes: self.nodes(),
            objects: self.objects(),
            unreadable: BTreeSet::new(),
            halts: BTreeMap::new(),
            heights: BTreeMap::new(),
            knows_budgets: true,
            routes: self.routes(),
            rivals: Vec::new(),
            domain: ClusterDomain::default(),
            ceremony: CeremonyFacts::default(),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    pub fn status(&self) -> SeiNodeDeploymentStatus {
        let observed = self.observe();
        status(&observed, &decide(&observed), &[])
    }

    /// Whether both sets of an update by the Go controller exist.
    pub fn has_two_sets(&self) -> bool {
        let nodes = self.nodes();
        let stays = nodes.iter().filter(|node| node.metadata.deletion_timestamp.is_none());
        self.has_second_set() && !stays.map(|node| node.name_any()).all(|name| self.is_of_second_set(&name))
    }

    fn is_of_second_set(&self, node: &str) -> bool {
        node.contains("-g2-")
    }

    /// Whether the Go controller had created a second set of nodes.
    pub fn has_second_set(&self) -> bool {
        self.nodes().iter().any(|node| self.is_of_second_set(&node.name_any()))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/deployment")
}

fn paths(folder: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
}
