//! Regardless of the content of a Secret: no panic, no long computation, and no part of the key in a message.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::maker::{POD, Parts, SERVICE, authority, issue, server};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_cause_no_panic(crt in proptest::collection::vec(any::<u8>(), 0..300), key in ".{0,200}") {
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
    fn a_damaged_key_is_never_printed(at in 0usize..200, byte in any::<u8>()) {
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

/// DER of one element.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let bytes = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    match content.len() {
        short @ 0..0x80 => [&[tag, u8::try_from(short).unwrap()], content].concat(),
        _ => [&[tag, 0x80 | u8::try_from(bytes.len()).unwrap()], bytes, content].concat(),
    }
}

fn block(label: &str, der: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

#[test]
fn a_secret_of_maximum_size_is_judged_quickly() {
    let root = authority("root");
    let made = issue(&server(&[SERVICE, POD]), &root);
    let number = |bytes: usize| element(0x02, &[&[1], vec![0xa5; bytes].as_slice()].concat());
    let numbers = [number(400_000), element(0x02, &[3]), number(100_000), number(100_000), number(100_000)];
    let key = [element(0x02, &[0]), numbers.concat(), number(1), number(1), number(1)].concat();
    let lines = "-----BEGIN CERTIFICATE-----\na: b\n".repeat(30_000);
    for (name, crt, key) in [
        ("RSA key", made.crt.clone(), block("RSA PRIVATE KEY", &element(0x30, &key))),
        ("headers without end", lines, made.key.clone()),
        ("ends without begin", "\n-----END CERTIFICATE-----".repeat(40_000), made.key.clone()),
        ("one certificate many times", made.crt.repeat(1500), made.key.clone()),
    ] {
        let began = Instant::now();
        assert!(Parts::new(crt, key).ca(root.pem()).judged().is_err(), "{name}");
        assert!(began.elapsed() < Duration::from_secs(5), "{name} took {:?}", began.elapsed());
    }
}
