//! Container images as OCI archives, without a container tool or a registry.

mod archive;
mod dockerfile;
mod rootfs;

pub use archive::{Config, Image, write};
pub use dockerfile::{Stage, last_stage};
pub use rootfs::Rootfs;
