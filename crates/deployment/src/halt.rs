//! The progress of a seid towards the height at which it must halt.

/// The progress of a SeiNode's seid towards the height at which it must halt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Halt {
    /// Unknown: seid does not respond, and was not observed at the height.
    #[default]
    Unknown,
    /// It is below the height.
    Before,
    /// It is at the height, and is not known to have halted yet.
    Arrived,
    /// It has halted at the height.
    Halted,
    /// It is beyond the height.
    Passed,
}
