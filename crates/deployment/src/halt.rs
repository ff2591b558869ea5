//! Where a seid is on its way to the height at which it has to halt.

/// How the seid of a SeiNode stands to the height at which it has to halt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Halt {
    /// It is not known: seid does not respond, and was not seen at the height.
    #[default]
    Unknown,
    /// It is below the height.
    Before,
    /// It is at the height, and has not halted yet as far as known.
    Arrived,
    /// It has halted at the height.
    Halted,
    /// It is beyond the height.
    Passed,
}
