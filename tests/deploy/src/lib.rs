//! Holds nothing: the tests of this package, in `tests/`, render and read what `deploy/` holds.
