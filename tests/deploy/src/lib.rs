//! Empty: the tests of this package, in `tests/`, render and check the content of `deploy/`.
