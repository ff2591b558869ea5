//! sei-sidecar
