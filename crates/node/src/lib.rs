//! What the fields of a SeiNode mean: image references, addresses of peers, quantities and keys of the Sei
//! configuration; and what is wrong with a spec, with the part of the node that each fault is for. Pure, like the types
//! of sei-api.
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod image;
mod overrides;
mod peer;
mod quantity;
mod validate;

pub use image::{ImageError, ImageReference};
pub use overrides::{OverrideKey, is_override_key, override_keys};
pub use peer::is_peer_address;
pub use quantity::{canonical_quantity, compare_quantities};
pub use validate::{Fault, Part, SpecError, validate};
