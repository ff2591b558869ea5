//! The SeiNodes of the cluster and their reconciler.

use sei_api::labels;
use serde_json::{Value, json};

use super::World;

impl World {
    /// The reconciler of SeiNodes: starts new nodes, and makes those with a good image ready.
    pub fn tend(&mut self) {
        self.nodes.retain(|_, node| node["metadata"]["deletionTimestamp"].is_null());
        let names: Vec<_> = self.nodes.keys().cloned().collect();
        names.iter().for_each(|name| self.tend_one(name));
    }

    pub fn tend_one(&mut self, name: &str) {
        if self.unreadable.contains(name) {
            return;
        }
        let Some(node) = self.nodes.get(name) else { return };
        let image = node["spec"]["image"].as_str().unwrap().to_owned();
        let status = &node["status"];
        let has_new_pod = status["currentSidecarImage"].is_null() || status["currentImage"] != image;
        let (sidecar, has_former) = match has_new_pod {
            true => (json!(self.sidecar), false),
            false => (status["currentSidecarImage"].clone(), status["currentSidecarImage"] != self.sidecar),
        };
        let restarts = has_former && self.replaces_sidecars && self.may_replace_sidecar(name);
        let is_good = !self.bad_images.contains(&image);
        let mut next = json!({ "phase": "Running", "observedGeneration": node["metadata"]["generation"] });
        next["currentImage"] = match is_good {
            true => json!(image),
            false => node["status"]["currentImage"].clone(),
        };
        next["conditions"] = json!([condition(is_good && !restarts)]);
        next["currentSidecarImage"] = if restarts { json!(self.sidecar) } else { sidecar };
        if has_former && !restarts {
            let reason = if self.replaces_sidecars { "WaitingForTurn" } else { "PendingUpdate" };
            next["conditions"].as_array_mut().unwrap().push(json!({
                "type": "SidecarUpToDate", "status": "False", "reason": reason, "message": "",
                "lastTransitionTime": "2026-11-27T04:00:00Z",
            }));
        }
        self.nodes.get_mut(name).unwrap()["status"] = next;
    }

    /// The pod of a node is not ready.
    pub fn lose(&mut self, name: &str) {
        self.nodes.get_mut(name).unwrap()["status"]["conditions"] = json!([condition(false)]);
    }

    pub fn is_available(&self, name: &str) -> bool {
        let Some(node) = self.nodes.get(name) else { return false };
        node["metadata"]["deletionTimestamp"].is_null()
            && node["status"]["observedGeneration"] == node["metadata"]["generation"]
            && node["status"]["conditions"][0]["status"] == "True"
    }

    /// Whether the group allows a node to replace the image of its sidecar.
    pub fn may_replace_sidecar(&self, name: &str) -> bool {
        let node = &self.nodes[name];
        let allowed = &node["metadata"]["annotations"][labels::SIDECAR_UPDATE_ANNOTATION];
        !allowed.is_null() && *allowed == node["status"]["currentSidecarImage"]
    }

    /// The nodes whose sidecar has another image than requested.
    pub fn former_sidecars(&self) -> Vec<&str> {
        let is_former = |node: &Value| node["status"]["currentSidecarImage"] != self.sidecar;
        self.nodes.iter().filter(|(_, node)| is_former(node)).map(|(name, _)| name.as_str()).collect()
    }
}

fn condition(ready: bool) -> Value {
    json!({
        "type": "Ready", "status": if ready { "True" } else { "False" },
        "reason": if ready { "NodeReady" } else { "WaitingForPod" },
        "message": if ready { "" } else { "pod is not ready" },
        "lastTransitionTime": "2026-11-27T04:00:00Z",
    })
}
