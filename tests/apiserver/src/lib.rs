//! Empty: the tests of this package, in `tests/`, run the operator against a real kube-apiserver.
