//! What a Secret presents to clients, whether or not the Secret can be used.

use jiff::Timestamp;

use crate::certificate::{Certificate, read_all};

/// The certificate that a server with the Secret presents. Its texts are escaped and truncated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Name of the issuer, most specific part first.
    pub issuer: String,
    /// When it expires. An issuer may expire earlier.
    pub not_after: Timestamp,
}

impl Presented {
    /// The first certificate of `tls.crt`; `None` if it cannot be read.
    pub fn read(crt: &[u8]) -> Option<Self> {
        let Certificate { issuer, not_after, .. } =
            read_all("tls.crt", crt).ok()?.into_iter().next()?.ok()?;
        Some(Self { issuer: issuer.text, not_after })
    }
}
