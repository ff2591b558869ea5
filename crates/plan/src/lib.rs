//! sei-plan
