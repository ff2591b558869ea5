//! How far the seid of a SeiNode is.

/// What a seid that responds says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Height {
    /// Height of its latest block.
    pub latest: u64,
    /// Whether it is still catching up with the chain.
    pub is_catching_up: bool,
}
