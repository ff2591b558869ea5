//! Whatever stands in a Secret: no panic, and nothing of the key in what is said.

use proptest::prelude::*;

use crate::maker::{POD, Parts, SERVICE, authority, issue, server};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_never_panic(crt in proptest::collection::vec(any::<u8>(), 0..300), key in ".{0,200}") {
        let _ = Parts::new(crt.clone(), key.clone()).ca(crt.clone()).judged();
        let framed = |label: &str| {
            let mut text = format!("-----BEGIN {label}-----\n").into_bytes();
            text.extend_from_slice(&crt);
            text.extend_from_slice(format!("\n-----END {label}-----\n").as_bytes());
            text
        };
        let _ = Parts::new(framed("CERTIFICATE"), framed("PRIVATE KEY")).judged();
    }

    #[test]
    fn a_damaged_key_is_never_repeated(at in 0usize..200, byte in any::<u8>()) {
        let root = authority("root");
        let made = issue(&server(&[SERVICE, POD]), &root);
        let secret = made.key.clone();
        let mut key = made.key.clone().into_bytes();
        let at = at % key.len();
        key[at] = byte;
        let said = match Parts::new(made.crt.as_str(), key).judged() {
            Ok(accepted) => format!("{accepted:?}"),
            Err(problem) => format!("{problem} {problem:?}"),
        };
        let body: String = secret.lines().filter(|line| !line.starts_with("--")).collect();
        for piece in body.as_bytes().chunks(12).filter(|piece| piece.len() == 12) {
            let piece = std::str::from_utf8(piece).unwrap();
            prop_assert!(!said.contains(piece), "{said}");
        }
    }
}
