//! Label keys that admission rules name as well.

/// Beginning of the keys that are the operator's.
pub const PREFIX: &str = "sei.io/";
/// Keys below [`PREFIX`] that the controller of a group of nodes puts into their `podLabels`.
pub const OF_GROUPS: [&str; 2] = [DEPLOYMENT, REVISION];
/// Name of the SeiNodeDeployment, on its SeiNodes, their pods and its Services; what those Services select by.
pub const DEPLOYMENT: &str = "sei.io/nodedeployment";
/// Generation of the SeiNodeDeployment at which the spec of a SeiNode was last changed.
pub const REVISION: &str = "sei.io/revision";
