//! What the fields of a SeiNode mean, parsed once: image references and addresses of peers. Pure, like the types it
//! is made from.

mod image;
mod peer;

pub use image::{ImageError, ImageReference};
pub use peer::is_peer_address;
