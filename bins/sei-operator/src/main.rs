//! sei-operator
fn main() {}
