//! sei-controller
