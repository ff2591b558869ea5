//! What the fields of a SeiNode mean, parsed once: image references, addresses of peers and quantities. Pure, like the
//! types it is made from.
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod image;
mod peer;
mod quantity;

pub use image::{ImageError, ImageReference};
pub use peer::is_peer_address;
pub use quantity::{canonical_quantity, compare_quantities};
