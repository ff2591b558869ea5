//! The client against real TLS and real sockets: which servers it trusts, what it sends, and that a hanging
//! server does not block it.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use rustls_pki_types::{CertificateDer, pem::PemObject};
use sei_sidecar::{
    AlwaysOpen, Client, Error, Gate, Health, RefusalKind, ServerTrust, TaskRequest, TaskState, TokenFile,
    Transport,
};
use sei_testkit::{
    certs::{self, Authority, Pair},
    sidecar::{Access, Generation, Simulator},
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
    token: NamedTempFile,
}

async fn bed() -> Bed {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let simulator = Simulator::start(Access::AnyToken).await.unwrap();
    simulator.run(HOST);
    let mut token = NamedTempFile::new().unwrap();
    writeln!(token, "a-token").unwrap();
    let rules = simulator.connect_to().iter().map(|rule| rule.parse().unwrap()).collect();
    let transport = Transport::new(rules, Arc::new(AlwaysOpen));
    Bed { simulator, transport, token }
}

impl Bed {
    fn serve(&self, pair: &Pair) {
        self.simulator.serve_certificate(HOST, pair.crt.as_bytes(), pair.key.as_bytes()).unwrap();
    }

    fn client(&self, trust: &ServerTrust) -> Client {
        let token = Arc::new(TokenFile::new(self.token.path().to_owned()));
        self.transport.verified(&format!("https://{HOST}:8443"), trust, token).unwrap()
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
        assert!(answers < 100, "a server that is not trusted any more still answers");
    };
    assert!(matches!(refused, Error::Untrusted { .. }), "{refused}");
    assert!((8..=12).contains(&answers), "{answers} requests over one connection");
}

#[tokio::test]
async fn tasks_are_submitted_and_their_records_read() {
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
        matches!(&refused, Error::BadRequest { refusal: RefusalKind::UnknownTask, message } if message.contains("dance"))
    );
}

#[tokio::test]
async fn the_token_is_sent_only_where_the_proxy_requires_it() {
    // The sidecar behind the proxy sees no token, so this listener takes the place of the proxy.
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

#[tokio::test]
async fn nothing_is_submitted_through_a_closed_gate() {
    #[derive(Debug, Default)]
    struct Lease(AtomicBool);
    impl Gate for Lease {
        fn is_open(&self) -> bool {
            self.0.load(Ordering::Acquire)
        }
    }
    let bed = bed().await;
    let rules = bed.simulator.connect_to().iter().map(|rule| rule.parse().unwrap()).collect();
    let lease = Arc::new(Lease::default());
    let client = Transport::new(rules, Arc::clone(&lease) as Arc<dyn Gate>)
        .plain(&format!("http://{HOST}:7777"))
        .unwrap();
    let request = TaskRequest { id: Uuid::from_u128(1), type_: "mark-ready".to_owned(), params: None };
    assert!(matches!(client.submit(&request).await, Err(Error::NotLeading { .. })));
    assert_eq!(client.task(request.id).await, Ok(None), "reads pass, and nothing was submitted");
    lease.0.store(true, Ordering::Release);
    assert_eq!(client.submit(&request).await, Ok(()));
}

#[tokio::test]
async fn the_error_of_a_task_is_truncated() {
    let bed = bed().await;
    let client = bed.plain();
    let huge = "é".repeat(500_000);
    bed.simulator.faults(HOST, |faults| {
        faults.fail.insert("config-apply".to_owned(), (1, huge));
    });
    let id = Uuid::from_u128(1);
    client.submit(&TaskRequest { id, type_: "config-apply".to_owned(), params: None }).await.unwrap();
    let error = loop {
        match client.task(id).await.unwrap().unwrap() {
            record if record.status == TaskState::Running => {
                tokio::time::sleep(Duration::from_millis(5)).await
            }
            record => break record.error.unwrap(),
        }
    };
    assert!(error.starts_with("éé") && error.ends_with("(1000000 bytes)"), "{} bytes", error.len());
    assert!(error.len() < 5000, "{} bytes", error.len());
}

#[tokio::test(start_paused = true)]
async fn a_request_to_a_hanging_sidecar_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let transport = Transport::new(Vec::new(), Arc::new(AlwaysOpen));
    let client = transport.plain(&format!("http://{address}")).unwrap();
    assert!(matches!(client.healthz().await, Err(Error::Timeout { seconds: 2, .. })));
    assert!(matches!(client.task(Uuid::nil()).await, Err(Error::Timeout { seconds: 10, .. })));
}

#[tokio::test]
async fn malformed_responses_are_errors() {
    let big = format!("HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n{}", "x".repeat(6_000_000));
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
        let transport = Transport::new(Vec::new(), Arc::new(AlwaysOpen));
        let client = transport.plain(&format!("http://{address}")).unwrap();
        let error = client.task(Uuid::nil()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{case}: {error:?}");
    }
}

#[tokio::test]
async fn every_release_reports_its_task_types_and_the_node_id_before_seid_runs() {
    let bed = bed().await;
    let sidecar = bed.plain();
    for generation in Generation::ALL {
        bed.simulator.play(HOST, generation);
        for type_ in Generation::task_types() {
            assert_eq!(
                sidecar.supports(type_).await.unwrap(),
                generation.knows(type_),
                "{generation} {type_}"
            );
        }
        assert_eq!(sidecar.node_id().await.unwrap().unwrap().len(), 40, "{generation}");
    }
    assert!(bed.simulator.records(HOST).is_empty(), "a question leaves nothing behind");
    bed.simulator.faults(HOST, |faults| faults.answer = Some(500));
    assert_eq!(sidecar.node_id().await, Ok(None), "the key does not exist yet");
    assert!(sidecar.supports("mark-ready").await.is_err(), "neither yes nor no");
}

#[tokio::test]
async fn seid_reports_its_height_once_the_sidecar_lets_it_start() {
    let bed = bed().await;
    let seid = bed.transport.seid(&format!("http://{HOST}:26657")).unwrap();
    assert!(matches!(seid.status().await, Err(Error::Unreachable { .. })));
    bed.simulator.run_ready(HOST);
    bed.simulator.seid(HOST, |seid| (seid.height, seid.catching_up) = (7, true));
    let status = seid.status().await.unwrap();
    assert_eq!((status.height, status.catching_up, status.peers), (7, true, Some(4)));
    assert!(status.latest_block.is_some());
}
