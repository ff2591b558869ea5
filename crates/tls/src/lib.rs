//! Judges the Secret of `spec.sidecar.tls`: bytes, the names it must cover and a point in time in, a verdict out.
//!
//! Pure: no clock, no API, no logging. Key bytes are borrowed for the length of [`judge`] and reach neither
//! [`Accepted`] nor [`Problem`].
//!
//! ```
//! use sei_tls::{ProblemKind, SecretData, judge};
//!
//! let secret = SecretData { type_: Some("kubernetes.io/tls"), crt: None, key: None, ca: None };
//! let names = ["node-0.sei.svc.cluster.local".to_owned()];
//! let problem = judge(&secret, &names, jiff::Timestamp::UNIX_EPOCH).unwrap_err();
//! assert_eq!(problem.kind(), ProblemKind::Malformed);
//! assert_eq!(problem.to_string(), "tls.crt is missing or empty: store the certificate, then its issuers, there as PEM");
//! ```

mod certificate;
mod judge;
mod key;
mod pem;
mod problem;
mod trust;

pub use judge::{Accepted, SecretData, judge};
pub use problem::{PemFault, Problem, ProblemKind};
pub use trust::Trust;
