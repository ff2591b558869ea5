//! Why a node cannot be rendered.

/// A node that cannot run on this platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The spec of the pod is invalid.
    #[error("{faults}")]
    InvalidSpec {
        /// All of its faults.
        faults: String,
    },
    /// TLS needs kube-rbac-proxy, and the platform has no image for it.
    #[error(
        "SeiNode {node} requests TLS for its sidecar, but the operator has no kube-rbac-proxy image: \
         set SEI_KUBE_RBAC_PROXY_IMAGE on the operator"
    )]
    NoProxyImage {
        /// Name of the SeiNode.
        node: String,
    },
    /// An image that the platform does not allow.
    #[error(
        "{field} {image} is not allowed: use an image of {allowed}, or add its repository to SEI_ALLOWED_IMAGES \
         on the operator"
    )]
    ImageNotAllowed {
        /// Path of the field.
        field: &'static str,
        /// The image.
        image: String,
        /// What is allowed, separated by commas.
        allowed: String,
    },
}
