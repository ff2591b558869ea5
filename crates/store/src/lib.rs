//! Checks whether an object exists in an S3-compatible object store, and does nothing else: no object is read
//! or written.
//!
//! Genesis ceremonies store what their members need in a bucket. An operator that can query the bucket
//! reports what a member is waiting for, instead of letting it fail repeatedly. It lists names, for which
//! permission `s3:ListBucket` suffices: some of the objects hold private keys, which the operator must not be
//! able to read.
//!
//! Credentials and endpoint come from the names and values of the AWS SDKs' environment variables, which the
//! caller passes in. Without credentials there is no bucket to query, which is not an error:
//!
//! ```
//! use std::collections::BTreeMap;
//! use sei_store::Bucket;
//!
//! let nothing = BTreeMap::new();
//! assert!(Bucket::open("genesis", "us-east-2", &nothing)?.is_none());
//!
//! let settings = BTreeMap::from([
//!     ("AWS_ACCESS_KEY_ID".to_owned(), "key".to_owned()),
//!     ("AWS_SECRET_ACCESS_KEY".to_owned(), "secret".to_owned()),
//!     // No server listens on this port.
//!     ("AWS_ENDPOINT_URL_S3".to_owned(), "http://127.0.0.1:9".to_owned()),
//! ]);
//! let bucket = Bucket::open("genesis", "us-east-2", &settings)?.ok_or("no credentials")?;
//! assert_eq!(bucket.url("devnet/genesis.json"), "s3://genesis/devnet/genesis.json");
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let answer = bucket.holds("devnet/genesis.json").await;
//! assert!(answer.unwrap_err().to_string().starts_with("bucket genesis could not be queried: "));
//! # });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bucket;
mod connector;
mod settings;
mod unavailable;

pub use bucket::Bucket;
pub use connector::Connector;
pub use settings::SettingsError;
pub use unavailable::Unavailable;
