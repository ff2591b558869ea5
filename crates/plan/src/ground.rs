//! What a plan is done on: facts about the world that a SeiNode does not tell.

/// What a plan is done on. The default is a node of which nothing exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// UID of the data volume claim, while there is one.
    pub claim_uid: Option<String>,
    /// Whether its volume holds the state of the chain: there is nothing to restore.
    pub has_state: bool,
    /// Whether a sidecar has written the configuration on that volume, for a node of this mode.
    pub has_config: bool,
    /// Image of the sidecar, where it is known.
    pub sidecar_image: Option<String>,
    /// Whether the live StatefulSet or pod runs something else than the spec asks for.
    pub is_stale: bool,
}
