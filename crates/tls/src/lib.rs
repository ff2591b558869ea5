//! Validates the Secret of `spec.sidecar.tls`: from its bytes, the required names and the time to a verdict.
//!
//! Pure: no clock, no API, no logging. Key bytes are borrowed for the duration of [`judge`] and are part of
//! neither [`Accepted`] nor [`Problem`].
//!
//! ```
//! use jiff::Timestamp;
//! use sei_tls::{ProblemKind, SecretData, Trust, judge};
//!
//! let names = ["node-0.sei.svc.cluster.local".to_owned()];
//! // A self-signed certificate.
//! let pair = rcgen::generate_simple_self_signed(names.clone())?;
//! let (crt, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
//! let secret = SecretData {
//!     type_: Some("kubernetes.io/tls"),
//!     crt: Some(crt.as_bytes()),
//!     key: Some(key.as_bytes()),
//!     ca: None,
//! };
//! let now: Timestamp = "2030-01-01T00:00:00Z".parse()?;
//!
//! let accepted = judge(&secret, &names, now)?;
//! assert!(matches!(accepted.trust, Trust::Leaf(_)), "clients have to trust exactly this certificate");
//! assert!(accepted.end.not_after > now);
//!
//! // A problem has a kind for programs and a sentence, with what to do, for people.
//! let problem = judge(&SecretData { crt: None, ..secret }, &names, now).unwrap_err();
//! assert_eq!(problem.kind(), ProblemKind::Malformed);
//! assert_eq!(
//!     problem.to_string(),
//!     "tls.crt is missing or empty: store the certificate, then its issuers, there as PEM"
//! );
//! let others = ["node-1.sei.svc.cluster.local".to_owned()];
//! assert_eq!(judge(&secret, &others, now).unwrap_err().kind(), ProblemKind::SansMismatch);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod alt_names;
mod certificate;
mod explain;
mod extensions;
mod judge;
mod key;
mod name;
mod path;
mod pem;
mod pem_fault;
mod place;
mod presented;
mod problem;
mod public_key;
mod reader;
mod rules;
mod trust;

pub use judge::{Accepted, SecretData, judge};
pub use path::End;
pub use pem_fault::PemFault;
pub use place::Place;
pub use presented::Presented;
pub use problem::{Problem, ProblemKind};
pub use trust::Trust;
