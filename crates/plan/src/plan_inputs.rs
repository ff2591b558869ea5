//! The observed facts that a plan depends on and that are not in the SeiNode.

/// The observed facts that a plan depends on. The default is a node without any objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanInputs {
    /// UID of the data volume claim, if it exists.
    pub claim_uid: Option<String>,
    /// Whether its volume holds the state of the chain, so that there is nothing to restore.
    pub has_state: bool,
    /// Whether a sidecar has written the configuration on that volume, for a node of this mode.
    pub has_config: bool,
    /// Image of the sidecar, if known.
    pub sidecar_image: Option<String>,
    /// Whether the sidecar is known not to find instances of EC2.
    pub lacks_discovery: bool,
    /// Whether no sidecar responds.
    pub lacks_sidecar: bool,
    /// UID of the pod whose seid runs with another configuration than the spec requests.
    pub outdated_pod: Option<String>,
    /// Whether such a configuration is rolled out without a change of the image.
    pub reconfigures: bool,
    /// Whether the live StatefulSet or pod differs from what the spec requests.
    pub is_stale: bool,
    /// Whether seid may have started, or may yet start, with another configuration than the spec requests: it is
    /// Running with one, or the replaced first plan may have let it start.
    pub may_have_started: bool,
}
