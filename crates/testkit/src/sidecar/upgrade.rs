//! An upgrade of a chain: the old binary halts at its height, and the new one does not run below it.

use serde::Deserialize;

/// The plan of an upgrade, as decided by the chain.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Upgrade {
    /// Its name: the version of the only binary that has a handler for it.
    pub name: String,
    /// Height of the first block that the new binary executes.
    pub height: u64,
}

impl Upgrade {
    /// Executes a block with the binary of this version.
    ///
    /// # Errors
    /// The message with which the binary panics instead.
    pub fn execute(&self, version: &str, block: u64) -> Result<(), String> {
        let Self { name, height } = self;
        match (version == name, block >= *height) {
            (false, false) | (true, true) => Ok(()),
            (false, true) => Err(format!("UPGRADE {name:?} NEEDED at height: {height}")),
            (true, false) => Err(format!(
                "BINARY UPDATED BEFORE TRIGGER! UPGRADE {name:?} - in binary but not executed on chain"
            )),
        }
    }
}
