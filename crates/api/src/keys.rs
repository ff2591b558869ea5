//! Label keys that admission rules also use.

/// Prefix of the keys that are reserved for the operator.
pub const PREFIX: &str = "sei.io/";
/// Keys with [`PREFIX`] that the controller of a group sets in the `podLabels` of its nodes.
pub const OF_GROUPS: [&str; 2] = [DEPLOYMENT, REVISION];
/// Name of the SeiNodeDeployment, on its SeiNodes, their pods and its Services; the selector of those
/// Services.
pub const DEPLOYMENT: &str = "sei.io/nodedeployment";
/// Generation of the SeiNodeDeployment at which the spec of a SeiNode was last changed.
pub const REVISION: &str = "sei.io/revision";
