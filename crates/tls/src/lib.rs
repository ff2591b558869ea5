//! sei-tls
