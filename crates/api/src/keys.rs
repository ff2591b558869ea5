//! Label keys that admission rules name as well.

/// Beginning of the keys that are the operator's.
pub const PREFIX: &str = "sei.io/";
/// Keys below [`PREFIX`] that the controller of a group of nodes puts into their `podLabels`.
pub const OF_GROUPS: [&str; 2] = ["sei.io/nodedeployment", "sei.io/revision"];
