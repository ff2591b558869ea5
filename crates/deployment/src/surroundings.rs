//! What is observed about a genesis ceremony outside the API server.

/// What a ceremony depends on outside the group and its SeiNodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CeremonyFacts {
    /// The content of the genesis bucket for the chain.
    pub bucket: GenesisBucket,
    /// Another group that creates a chain of the same ID, by namespace and name.
    pub rival: Option<String>,
    /// Image of the sidecar that assembles the genesis.
    pub sidecar_image: String,
    /// The state that the sidecar reported for the attempt that [`stored_assembly`](crate::stored_assembly) describes.
    pub assembly: AssemblyState,
    /// SHA-256 of the genesis, from the sidecar that has assembled it.
    pub genesis_hash: Option<String>,
}

/// Whether the genesis bucket contains the result of a ceremony of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GenesisBucket {
    /// The operator has no credentials, or nothing depends on it now.
    #[default]
    Unchecked,
    /// It contains none.
    Empty,
    /// It contains this object.
    Holds(String),
    /// It could not be checked, for this reason.
    Unavailable(String),
}

/// State of one attempt to assemble the genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AssemblyState {
    /// Unknown, also to the sidecar.
    #[default]
    Unknown,
    /// It was submitted and has not ended.
    Running,
    /// The genesis is uploaded.
    Completed,
    /// It failed, with this error.
    Failed(String),
    /// The sidecar rejected it; another attempt would be rejected too.
    Rejected(String),
    /// The release of the sidecar does not support it, as it said.
    Unsupported(String),
    /// The sidecar does not respond, for this reason.
    Unreachable(String),
}
