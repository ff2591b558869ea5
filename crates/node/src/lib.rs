//! A SeiNode, read once: its mode with the settings of that mode, image references, addresses of peers, quantities and
//! keys of the Sei configuration as values; and what is wrong with a spec, with the part of the node that each fault is
//! for. Planning and rendering take the [`Node`] that comes of it. Pure, like the types of sei-api.
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod configuration;
mod fault;
mod first_state;
mod image;
mod mode;
mod node;
mod overrides;
mod part;
mod peer_address;
mod peer_source;
mod pod;
mod quantity;
mod resources;
mod validator;

pub use fault::{Fault, SpecError};
pub use first_state::{FirstState, StateSync};
pub use image::{ImageError, ImageReference};
pub use mode::{Mode, Snapshots};
pub use node::{Node, PERSISTENT_PEERS};
pub use overrides::{OverrideKey, is_override_key, override_keys};
pub use part::Part;
pub use peer_address::is_peer_address;
pub use peer_source::PeerSource;
pub use pod::Pod;
pub use quantity::{canonical_quantity, compare_quantities};
pub use validator::{Keyring, Keys, ValidatorStart};
