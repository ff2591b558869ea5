//! Which images a SeiNode may name, where the platform limits them.

use sei_api::SeiNode;
use sei_node::ImageReference;

use crate::RenderError;

/// Repositories, or folders of repositories that end in `/`. Empty allows every image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AllowedImages(Vec<String>);

impl AllowedImages {
    /// From a list that is separated by commas.
    pub(crate) fn parse(list: &str) -> Self {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Self(entries.map(str::to_owned).collect())
    }

    /// Refuses a node that names another image.
    pub(crate) fn check(&self, node: &SeiNode) -> Result<(), RenderError> {
        let spec = &node.spec;
        let sidecar = spec.sidecar.as_ref().and_then(|sidecar| sidecar.image.as_deref());
        let bootstrap = spec.snapshot().and_then(|snapshot| snapshot.bootstrap_image.as_deref());
        let images = [
            ("spec.image", Some(spec.image.as_str())),
            ("spec.sidecar.image", sidecar),
            ("snapshot.bootstrapImage", bootstrap),
        ];
        for (field, image) in images {
            if let Some(image) = image.filter(|image| !image.is_empty() && !self.allows(image)) {
                let allowed = self.0.join(", ");
                return Err(RenderError::ImageNotAllowed { field, image: image.to_owned(), allowed });
            }
        }
        Ok(())
    }

    fn allows(&self, image: &str) -> bool {
        let Ok(repository) = ImageReference::parse(image).map(ImageReference::repository) else {
            return self.0.is_empty();
        };
        let matches =
            |entry: &String| repository == entry || (entry.ends_with('/') && repository.starts_with(entry));
        self.0.is_empty() || self.0.iter().any(matches)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(spec: serde_json::Value) -> SeiNode {
        let metadata = json!({ "name": "node-0" });
        let object =
            json!({ "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "metadata": metadata, "spec": spec });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn an_image_is_allowed_by_its_whole_repository_or_by_a_folder() {
        let allowed = AllowedImages::parse("registry:5000/sei/seid, ghcr.io/sei-protocol/");
        let digest = "0".repeat(64);
        for image in [
            "registry:5000/sei/seid",
            "registry:5000/sei/seid:v1",
            &format!("registry:5000/sei/seid:v1@sha256:{digest}"),
            &format!("ghcr.io/sei-protocol/sei@sha256:{digest}"),
        ] {
            assert!(allowed.allows(image), "{image}");
        }
        for image in [
            "registry:5000/sei/seid-evil:v1",
            "registry:5000/sei",
            "seid",
            "ghcr.io/sei-protocol",
            "ghcr.io/sei-protocol-evil/sei",
            "evil/ghcr.io/sei-protocol/sei",
            "ghcr.io/sei-protocol/sei@sha256:00",
        ] {
            assert!(!allowed.allows(image), "{image}");
        }
        assert!(AllowedImages::parse("").allows("anything"));
    }

    #[test]
    fn every_image_that_a_node_names_is_checked() {
        let allowed = AllowedImages::parse("good/");
        let snapshot = json!({ "s3": { "targetHeight": 5 }, "bootstrapImage": "good/old:1" });
        let spec = json!({
            "chainId": "c", "image": "good/seid:1",
            "fullNode": { "snapshot": snapshot }, "sidecar": { "image": "good/seictl:1" },
        });
        assert_eq!(allowed.check(&node(spec.clone())), Ok(()));
        for (pointer, field) in [
            ("/image", "spec.image"),
            ("/sidecar/image", "spec.sidecar.image"),
            ("/fullNode/snapshot/bootstrapImage", "snapshot.bootstrapImage"),
        ] {
            let mut spec = spec.clone();
            *spec.pointer_mut(pointer).unwrap() = json!("bad/image:1");
            let error = allowed.check(&node(spec)).unwrap_err().to_string();
            assert!(error.contains(field) && error.contains("good/"), "{error}");
        }
    }
}
