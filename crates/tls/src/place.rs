//! Which certificate of the Secret a message is about.

use std::fmt;

/// A certificate of the Secret, as it is named in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Key in the Secret's data.
    pub entry: &'static str,
    /// Position in it, counted from 1.
    pub position: usize,
    /// Its subject.
    pub subject: String,
}

impl Place {
    /// Whether it is the server's own certificate.
    pub fn is_leaf(&self) -> bool {
        self.entry == "tls.crt" && self.position == 1
    }

    pub(crate) fn renewal(&self) -> &'static str {
        if self.is_leaf() { "renew it" } else { "replace it, and reissue the certificate from a valid CA" }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, position, subject } = self;
        if self.is_leaf() {
            f.write_str("the certificate")
        } else {
            write!(f, "certificate {position} of {entry} ({subject})")
        }
    }
}
