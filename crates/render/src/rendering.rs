//! The objects of a node, rendered when they are first needed.

use std::sync::OnceLock;

use sei_node::Node;

use crate::{Platform, RenderError, Rendered, workload::Workload};

/// A node, and its objects on a platform. They are rendered when they are first needed, and only once: this
/// takes the parsed node, and lends it only by reference.
pub struct Rendering<'a> {
    node: Node<'a>,
    platform: &'a Platform,
    objects: OnceLock<Result<Rendered, RenderError>>,
}

impl<'a> Rendering<'a> {
    /// The rendering of `node`, which has not started.
    pub fn of(node: Node<'a>, platform: &'a Platform) -> Self {
        Self { node, platform, objects: OnceLock::new() }
    }

    /// The node.
    pub fn node(&self) -> &Node<'a> {
        &self.node
    }

    /// The platform.
    pub fn platform(&self) -> &'a Platform {
        self.platform
    }

    /// Why the objects cannot be rendered; `None` if they can. Renders nothing.
    pub fn error(&self) -> Option<RenderError> {
        Workload::of(&self.node, self.platform).err()
    }

    /// The objects.
    ///
    /// # Errors
    /// The same error as [`error`](Self::error).
    pub fn objects(&self) -> Result<&Rendered, &RenderError> {
        let render = || Ok(Rendered::from(&Workload::of(&self.node, self.platform)?));
        self.objects.get_or_init(render).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, ptr};

    use sei_api::SeiNode;
    use serde_json::json;

    use super::*;

    fn platform() -> Platform {
        let env = include_str!("../../../tests/conformance/full-plain/platform.env");
        let settings = env.lines().filter_map(|line| line.split_once('='));
        let settings: BTreeMap<_, _> =
            settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Platform::from_settings(&settings).unwrap()
    }

    fn node(image: &str) -> SeiNode {
        let spec = json!({ "chainId": "c", "image": image, "fullNode": {} });
        serde_json::from_value(json!({ "metadata": { "name": "node-0" }, "spec": spec })).unwrap()
    }

    #[test]
    fn objects_are_rendered_lazily_and_once() {
        let (node, platform) = (node("seid:1"), platform());
        let rendering = Rendering::of(Node::of(&node), &platform);
        assert_eq!(rendering.error(), None);
        assert!(rendering.objects.get().is_none());
        assert!(ptr::eq(rendering.objects().unwrap(), rendering.objects().unwrap()));
    }

    #[test]
    fn the_reason_why_objects_cannot_be_rendered_is_known_without_rendering() {
        let (node, platform) = (node("seid 1"), platform());
        let rendering = Rendering::of(Node::of(&node), &platform);
        assert!(matches!(rendering.error(), Some(RenderError::InvalidSpec { .. })));
        assert_eq!(rendering.error().as_ref(), rendering.objects().err());
    }
}
