//! Why a node cannot be rendered.

/// A node and a platform that do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// TLS needs kube-rbac-proxy, and the platform names no image of it.
    #[error(
        "SeiNode {node} asks for TLS on its sidecar, but the operator has no kube-rbac-proxy image: \
         set SEI_KUBE_RBAC_PROXY_IMAGE on the operator"
    )]
    NoProxyImage {
        /// Name of the SeiNode.
        node: String,
    },
}
