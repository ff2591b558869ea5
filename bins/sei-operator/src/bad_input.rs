//! Invalid input: exit code 2, and a message of one line.

/// Invalid input, as one line that names the location and what is allowed.
#[derive(Debug)]
pub(crate) struct BadInput(pub(crate) String);

impl std::fmt::Display for BadInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

pub(crate) fn bad(message: impl Into<String>) -> anyhow::Error {
    BadInput(message.into().replace('\n', " ")).into()
}
