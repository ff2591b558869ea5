// Says what Go's TLS stack makes of a Secret, for the tests of crates/tls. The standard library alone.
module sei.io/operator/tests/tools/tls-judge

go 1.26
