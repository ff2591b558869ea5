//! The client against real TLS and real sockets: whom it believes, what it sends, and that nothing holds it up.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

use std::{
    io::Write,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use rustls_pki_types::{CertificateDer, pem::PemObject};
use sei_sidecar::{Client, Error, Health, ServerTrust, TaskRequest, TaskState, Transport};
use sei_testkit::{
    certs::{self, Authority, Pair},
    sidecar::{Access, Simulator},
};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use uuid::Uuid;

const HOST: &str = "rpc-0-0.rpc-0.sei.svc.cluster.local";

struct Bed {
    simulator: Simulator,
    transport: Transport,
    _token: NamedTempFile,
}

async fn bed() -> Bed {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let simulator = Simulator::start(Access::AnyToken).await.unwrap();
    simulator.run(HOST);
    let mut token = NamedTempFile::new().unwrap();
    writeln!(token, "a-token").unwrap();
    let rules = simulator.connect_to().iter().map(|rule| rule.parse().unwrap()).collect();
    let transport = Transport::new(rules, token.path().to_owned());
    Bed { simulator, transport, _token: token }
}

impl Bed {
    fn serve(&self, pair: &Pair) {
        self.simulator.serve_certificate(HOST, pair.crt.as_bytes(), pair.key.as_bytes()).unwrap();
    }

    fn client(&self, trust: &ServerTrust) -> Client {
        self.transport.verified(&format!("https://{HOST}:8443"), trust).unwrap()
    }

    fn plain(&self) -> Client {
        self.transport.plain(&format!("http://{HOST}:7777")).unwrap()
    }
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn roots(authority: &Authority) -> ServerTrust {
    ServerTrust::Roots(vec![der(&authority.pem())])
}

fn names() -> Vec<String> {
    vec![HOST.to_owned()]
}

#[tokio::test]
async fn only_the_certificate_of_the_secret_is_believed() {
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
        assert_eq!(bed.simulator.calls(HOST).is_empty(), !believed, "{case}: nothing is said to a stranger");
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
async fn tasks_go_there_and_back() {
    let bed = bed().await;
    let client = bed.plain();
    let id = Uuid::from_u128(1);
    assert_eq!(client.task(id).await.unwrap(), None, "404 is an answer");
    let request = TaskRequest { id, type_: "mark-ready".to_owned(), params: None };
    client.submit(&request).await.unwrap();
    let done = async {
        while client.task(id).await.unwrap().unwrap().status != TaskState::Completed {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), done).await.unwrap();
    assert_eq!(client.healthz().await, Ok(Health::Ready));
    let unknown = TaskRequest { id: Uuid::from_u128(2), type_: "dance".to_owned(), params: None };
    let refused = client.submit(&unknown).await.unwrap_err();
    assert!(
        matches!(&refused, Error::BadRequest { message } if message.contains("unknown task type: dance"))
    );
}

#[tokio::test]
async fn the_token_goes_where_it_must_and_nowhere_else() {
    // Below the proxy no token is seen, so this one listens in its place.
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

    let missing = Transport::new(
        bed.simulator.connect_to().iter().map(|rule| rule.parse().unwrap()).collect(),
        PathBuf::from("/nowhere/token"),
    );
    let client =
        missing.verified(&format!("https://{HOST}:8443"), &ServerTrust::Leaf(der(&pair.crt))).unwrap();
    assert_eq!(client.healthz().await, Ok(Health::NotReady), "healthz needs no token");
    assert!(matches!(client.task(Uuid::nil()).await, Err(Error::Token { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_hangs_is_given_up_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let transport = Transport::new(Vec::new(), PathBuf::new());
    let client = transport.plain(&format!("http://{address}")).unwrap();
    assert!(matches!(client.healthz().await, Err(Error::Timeout { seconds: 2, .. })));
    assert!(matches!(client.task(Uuid::nil()).await, Err(Error::Timeout { seconds: 10, .. })));
}

#[tokio::test]
async fn answers_that_are_none_are_errors() {
    let big = format!("HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n{}", "x".repeat(3_000_000));
    for (case, answer, expected) in [
        ("no HTTP", "hello\r\n\r\n".to_owned(), "Unreachable"),
        ("garbage", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{]!".to_owned(), "Undecodable"),
        (
            "a redirect",
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "UnexpectedStatus",
        ),
        ("401", "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_owned(), "Unauthorized"),
        ("403", "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno".to_owned(), "Forbidden"),
        ("500", "HTTP/1.1 500 E\r\ncontent-length: 4\r\n\r\nboom".to_owned(), "UnexpectedStatus"),
        ("a body without end", big, "Undecodable"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        let transport = Transport::new(Vec::new(), PathBuf::new());
        let client = transport.plain(&format!("http://{address}")).unwrap();
        let error = client.task(Uuid::nil()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{case}: {error:?}");
    }
}
