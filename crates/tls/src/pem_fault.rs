//! What is wrong with PEM text.

/// What is wrong with PEM text. A closed set, so that no line of a key file can be quoted by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// A byte order mark, UTF-8 or UTF-16: Go's parser, and so the proxy, would skip the first block.
    #[error("it begins with a byte order mark: save it as UTF-8 without BOM")]
    ByteOrderMark,
    /// Lines end with carriage returns only.
    #[error("its lines end with carriage returns only: save it with line feeds")]
    CarriageReturns,
    /// A BEGIN line that is indented or has other text on it.
    #[error("a BEGIN line is indented or has other text on it: put every BEGIN and END on a separate line")]
    BeginLine,
    /// An END line that is indented or has other text on it.
    #[error("an END line is indented or has other text on it: put every BEGIN and END on a separate line")]
    EndLine,
    /// A block without an END line.
    #[error("a block has no END line of the same label: it was cut off")]
    NoEnd,
    /// Invalid base64.
    #[error("a block is not valid padded base64: copy the file again without changes")]
    Base64,
    /// Header lines, which make clients skip a certificate.
    #[error("a block has header lines: leave only the base64 between BEGIN and END")]
    Headers,
    /// No block at all.
    #[error(
        "it has no PEM block: store text from -----BEGIN to -----END, not DER and not base64-encoded twice; remove the entry if it is optional"
    )]
    NoBlock,
    /// It has blocks, but no private key.
    #[error("it has no block whose label ends with PRIVATE KEY")]
    NoKey,
}
