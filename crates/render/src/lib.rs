//! sei-render
