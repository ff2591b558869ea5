//! Input for rendering: a node that can run on this platform.

use sei_api::{SeiNode, names};
use sei_node::{Fault, ImageReference, Keyring, Keys, Mode, Node, Part, Pod, ValidatorStart};

use crate::{Platform, RenderError, size::Size};

/// A node whose pod can run on the platform, so that rendering cannot fail.
pub(crate) struct Workload<'a> {
    pub(crate) node: &'a Node<'a>,
    pub(crate) pod: &'a Pod<'a>,
    pub(crate) platform: &'a Platform,
    pub(crate) tls: Option<Tls<'a>>,
}

/// TLS in front of the sidecar.
#[derive(Clone, Copy)]
pub(crate) struct Tls<'a> {
    pub(crate) secret: &'a str,
    pub(crate) proxy_image: &'a str,
}

impl<'a> Workload<'a> {
    pub(crate) fn of(node: &'a Node<'a>, platform: &'a Platform) -> Result<Self, RenderError> {
        let Some(pod) = node.pod() else {
            let of_pod = node.faults().iter().filter(|fault| fault.part == Part::Pod);
            let faults: Vec<_> = of_pod.map(Fault::to_string).collect();
            return Err(RenderError::InvalidSpec { faults: faults.join("; ") });
        };
        let tls = node.tls_secret.map(|secret| match &platform.proxy_image {
            Some(proxy_image) => Ok(Tls { secret, proxy_image }),
            None => Err(RenderError::NoProxyImage { node: names::node(node.object).to_owned() }),
        });
        let workload = Self { node, pod, platform, tls: tls.transpose()? };
        platform.allowed_images.check(workload.images())?;
        Ok(workload)
    }

    /// The images in the spec, with their fields.
    fn images(&self) -> impl Iterator<Item = (&'static str, ImageReference<'a>)> {
        let images = [
            ("spec.image", Some(self.pod.image)),
            ("spec.sidecar.image", self.pod.sidecar_image),
            ("snapshot.bootstrapImage", self.node.bootstrap().map(|(image, _)| image)),
        ];
        images.into_iter().filter_map(|(field, image)| Some((field, image?)))
    }

    /// The SeiNode, for names and labels.
    pub(crate) fn object(&self) -> &'a SeiNode {
        self.node.object
    }

    /// Size and placement for the mode.
    pub(crate) fn size(&self) -> &'a Size {
        self.platform.size(self.node.mode.kind())
    }

    /// Secrets of the keys that a validator mounts.
    pub(crate) fn keys(&self) -> Option<Keys<'a>> {
        match &self.node.mode {
            Mode::Validator { start: ValidatorStart::Chain { keys, .. }, .. } => *keys,
            _ => None,
        }
    }

    /// The operator keyring of a validator.
    pub(crate) fn keyring(&self) -> Option<Keyring<'a>> {
        match &self.node.mode {
            Mode::Validator { keyring, .. } => *keyring,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sei_api::SeiNode;
    use serde_json::json;

    use super::*;

    fn platform(more: &[(&str, &str)]) -> Platform {
        let env = include_str!("../../../tests/conformance/full-plain/platform.env");
        let settings = env.lines().filter_map(|line| line.split_once('='));
        let settings: BTreeMap<String, String> = settings
            .chain(more.iter().copied())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Platform::from_settings(&settings).unwrap()
    }

    fn refused(spec: serde_json::Value, platform: &Platform) -> Option<RenderError> {
        let node: SeiNode =
            serde_json::from_value(json!({ "metadata": { "name": "node-0" }, "spec": spec })).unwrap();
        Workload::of(&Node::of(&node), platform).err()
    }

    #[test]
    fn every_image_of_a_node_is_checked() {
        let platform = platform(&[("SEI_ALLOWED_IMAGES", "good/")]);
        let snapshot = json!({ "s3": { "targetHeight": 5 }, "bootstrapImage": "good/old:1" });
        let spec = json!({
            "chainId": "c", "image": "good/seid:1",
            "fullNode": { "snapshot": snapshot }, "sidecar": { "image": "good/seictl:1" },
        });
        assert_eq!(refused(spec.clone(), &platform), None);
        for (pointer, field) in [
            ("/image", "spec.image"),
            ("/sidecar/image", "spec.sidecar.image"),
            ("/fullNode/snapshot/bootstrapImage", "snapshot.bootstrapImage"),
        ] {
            let mut spec = spec.clone();
            *spec.pointer_mut(pointer).unwrap() = json!("bad/image:1");
            let error = refused(spec, &platform).unwrap().to_string();
            assert!(error.contains(field) && error.contains("good/"), "{error}");
        }
    }

    #[test]
    fn only_faults_of_the_pod_prevent_rendering() {
        let platform = platform(&[]);
        let spec = json!({ "chainId": "c", "image": "seid:1", "fullNode": {}, "overrides": { "x": "1" } });
        assert_eq!(refused(spec.clone(), &platform), None);
        let mut spec = spec;
        spec["image"] = json!("seid 1");
        let error = refused(spec, &platform).unwrap().to_string();
        assert!(error.contains("spec.image") && !error.contains("spec.overrides"), "{error}");
    }
}
