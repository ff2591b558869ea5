//! A SeiNode, parsed once: its mode with the settings of that mode, image references, addresses of peers,
//! quantities and keys of the Sei configuration as typed values; and the faults of the spec, each with the
//! part of the node that it affects. Planning and rendering use the resulting [`Node`]. Pure, like the types
//! of sei-api.
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod configuration;
mod fault;
mod first_state;
mod image;
mod label;
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
pub use first_state::{FirstState, StateSync, is_rpc_server};
pub use image::{ImageError, ImageReference};
pub use label::{is_label_key, is_label_value, is_namespace, is_subdomain};
pub use mode::{Mode, Snapshots};
pub use node::{Node, PERSISTENT_PEERS};
pub use overrides::{OverrideKey, is_override_key, override_keys};
pub use part::Part;
pub use peer_address::is_peer_address;
pub use peer_source::PeerSource;
pub use pod::Pod;
pub use quantity::{canonical_quantity, compare_quantities, whole_quantity};
pub use validator::{Keyring, Keys, ValidatorStart};
