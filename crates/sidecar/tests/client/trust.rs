//! Which servers the client trusts, and which of them get the token.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sei_sidecar::{Error, Health, ServerTrust, TokenFile};
use sei_testkit::certs::{self, Authority, Pair};
use uuid::Uuid;

use super::{HOST, bed, der, names, roots};

#[tokio::test]
async fn only_the_certificate_of_the_secret_is_trusted() {
    let authority = Authority::new("issuer").unwrap();
    let now = SystemTime::now();
    let hour = Duration::from_secs(3600);
    let good = authority.issue(&names()).unwrap();
    let expired = authority.issue_for(&names(), now - 2 * hour, now - hour).unwrap();
    let future = authority.issue_for(&names(), now + hour, now + 2 * hour).unwrap();
    let elsewhere = authority.issue(&["other.sei.svc.cluster.local".to_owned()]).unwrap();
    let stranger = Authority::new("issuer").unwrap().issue(&names()).unwrap();
    let self_signed = certs::self_signed(&names()).unwrap();
    let leaf = |pair: &Pair| ServerTrust::Leaf(der(&pair.crt));
    for (case, served, trust, believed) in [
        ("its issuer is trusted", &good, roots(&authority), true),
        ("itself is trusted", &good, leaf(&good), true),
        ("self-signed and itself trusted", &self_signed, leaf(&self_signed), true),
        ("another issuer of the same name", &stranger, roots(&authority), false),
        ("another certificate for the same name", &stranger, leaf(&good), false),
        ("another name", &elsewhere, roots(&authority), false),
        ("another name, itself trusted", &elsewhere, leaf(&elsewhere), false),
        ("expired", &expired, roots(&authority), false),
        ("expired, itself trusted", &expired, leaf(&expired), false),
        ("not valid yet", &future, roots(&authority), false),
    ] {
        let bed = bed().await;
        bed.serve(served);
        let answer = bed.client(&trust).healthz().await;
        match believed {
            true => assert_eq!(answer, Ok(Health::NotReady), "{case}"),
            false => assert!(matches!(answer, Err(Error::Untrusted { .. })), "{case}: {answer:?}"),
        }
        assert_eq!(
            bed.simulator.calls(HOST).is_empty(),
            !believed,
            "{case}: no request is sent to an untrusted server"
        );
    }
}

#[tokio::test]
async fn a_renewal_is_followed_without_a_restart() {
    let bed = bed().await;
    let (first, second) = (certs::self_signed(&names()).unwrap(), certs::self_signed(&names()).unwrap());
    let trust = |pair: &Pair| ServerTrust::Leaf(der(&pair.crt));
    bed.serve(&first);
    assert_eq!(bed.client(&trust(&first)).healthz().await, Ok(Health::NotReady));
    bed.serve(&second);
    let answer = bed.client(&trust(&second)).healthz().await;
    assert_eq!(answer, Ok(Health::NotReady), "the renewed one, by the same transport");
}

#[tokio::test]
async fn a_connection_in_constant_use_is_verified_again_within_a_minute() {
    let bed = bed().await;
    let (first, second) = (certs::self_signed(&names()).unwrap(), certs::self_signed(&names()).unwrap());
    bed.serve(&first);
    let client = bed.client(&ServerTrust::Leaf(der(&first.crt)));
    assert_eq!(client.healthz().await, Ok(Health::NotReady));
    bed.serve(&second);
    let mut answers = 0;
    let refused = loop {
        // Less time passes than the idle timeout of a connection.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(5)).await;
        tokio::time::resume();
        match client.healthz().await {
            Ok(_) => answers += 1,
            Err(refused) => break refused,
        }
        assert!(answers < 100, "a server that is no longer trusted still responds");
    };
    assert!(matches!(refused, Error::Untrusted { .. }), "{refused}");
    assert!((8..=12).contains(&answers), "{answers} requests over one connection");
}

#[tokio::test]
async fn the_token_is_sent_only_where_the_proxy_requires_it() {
    // The sidecar behind the proxy sees no token, so this listener replaces the proxy.
    let bed = bed().await;
    bed.plain().healthz().await.unwrap();
    let _ = bed.plain().task(Uuid::nil()).await.unwrap();
    assert!(bed.simulator.calls(HOST).iter().all(|call| !call.has_token), "never without TLS");

    let pair = certs::self_signed(&names()).unwrap();
    bed.serve(&pair);
    let client = bed.client(&ServerTrust::Leaf(der(&pair.crt)));
    client.healthz().await.unwrap();
    assert_eq!(client.task(Uuid::nil()).await, Ok(None), "the proxy let it through, so it had one");
    assert!(bed.simulator.calls(HOST).iter().all(|call| !call.has_token), "none on a bypassed path");

    let nowhere = Arc::new(TokenFile::new("/nowhere/token".into()));
    let trust = ServerTrust::Leaf(der(&pair.crt));
    let client = bed.transport.verified(&format!("https://{HOST}:8443"), &trust, nowhere).unwrap();
    assert_eq!(client.healthz().await, Ok(Health::NotReady), "healthz needs no token");
    assert!(matches!(client.task(Uuid::nil()).await, Err(Error::Token { .. })));
}

#[tokio::test]
async fn the_client_reports_the_certificate_that_was_served() {
    let bed = bed().await;
    let authority = Authority::new("issuer").unwrap();
    let pair = authority.issue(&names()).unwrap();
    bed.serve(&pair);
    let client = bed.client(&roots(&authority));
    assert_eq!(client.served(), None);
    client.healthz().await.unwrap();
    assert_eq!(client.served(), Some(der(&pair.crt)));
    let stranger = bed.client(&roots(&Authority::new("issuer").unwrap()));
    stranger.healthz().await.unwrap_err();
    assert_eq!(stranger.served(), None, "only of servers that were verified");
}
