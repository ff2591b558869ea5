//! Mutated Secrets, validated by the operator and by Go.

use fastrand::Rng;

use crate::{
    classes::class,
    go::Go,
    mutate,
    secret::{Secret, conformance},
};

/// Number of cases in a normal run; `TLS_FUZZ_CASES` sets another number.
const CASES: u64 = 600;

#[test]
fn verdicts_on_mutated_secrets_are_never_laxer_than_those_of_go() {
    let Some(mut go) = Go::start() else { return };
    let known = conformance();
    let (mut accepted, mut stricter, mut wrong) = (0, 0, Vec::new());
    let seed = from_environment("TLS_FUZZ_SEED", 1);
    for case in 0..from_environment("TLS_FUZZ_CASES", CASES) {
        let mut rng = Rng::with_seed(seed << 32 | case);
        let mut secret = mutate::secret(&known, &mut rng);
        let verdict = secret.judged();
        assert_no_key_in(&format!("{verdict:?}"), &secret);
        secret.go = go.judge(&secret);
        match (&verdict, secret.go.accepts()) {
            (Ok(_), true) => accepted += 1,
            (Err(_), false) => {}
            (Err(problem), true) if class(problem).is_some() => stricter += 1,
            _ => {
                let said =
                    verdict.map_or_else(|problem| problem.to_string(), |accepted| accepted.end.to_string());
                secret.name = format!("seed-{seed}-{case}");
                wrong.push(format!(
                    "judged {said:?}, and Go says {:?}\n{}",
                    secret.go,
                    serde_json::to_string(&secret).unwrap()
                ));
            }
        }
        if wrong.len() >= 10 {
            break;
        }
    }
    println!("both accept {accepted}; refused for a documented reason although Go accepts: {stricter}");
    assert!(
        wrong.is_empty(),
        "{} Secrets are judged otherwise than by Go:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(accepted > 0, "nothing was accepted: the Secrets are of no use");
}

/// Asserts that neither the text nor the Debug form of a verdict repeats a part of the key.
fn assert_no_key_in(said: &str, secret: &Secret) {
    let key = String::from_utf8_lossy(secret.entry("tls.key").unwrap_or_default());
    for line in key.lines().filter(|line| !line.contains("---") && line.len() >= 24) {
        let piece: String = line.chars().take(12).collect();
        assert!(!said.contains(&piece), "{said} repeats a part of tls.key");
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}
