//! The height of the seid of a SeiNode.

/// The status reported by a responding seid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Height {
    /// Height of its latest block.
    pub latest: u64,
    /// Whether it is still catching up with the chain.
    pub is_catching_up: bool,
}
