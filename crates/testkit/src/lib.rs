//! sei-testkit
