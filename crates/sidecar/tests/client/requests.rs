//! What the client sends, and what it does with responses.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use sei_sidecar::{AlwaysOpen, Client, Error, Gate, Health, RefusalKind, TaskRequest, TaskState, Transport};
use sei_testkit::sidecar::Generation;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use uuid::Uuid;

use super::{HOST, bed};

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
        let error = answering(answer).await.task(Uuid::nil()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{case}: {error:?}");
    }
}

/// The client of a server that answers every request with these bytes.
async fn answering(answer: String) -> Client {
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
    transport.plain(&format!("http://{address}")).unwrap()
}

/// A hostile or careless sidecar repeats the token that it was sent.
#[tokio::test]
async fn no_part_of_a_response_brings_a_token_or_an_endless_text_into_an_error() {
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl";
    let long = "x".repeat(1 << 20);
    for (code, body) in [
        (400, format!(r#"{{"error":"no access with {TOKEN} {long}"}}"#)),
        (403, format!("Authorization: Bearer {TOKEN} {long}")),
        (500, format!("{TOKEN} {long}")),
        (200, format!(r#""{TOKEN} {long}""#)),
        (200, format!(r#"{{"id":"{TOKEN} {long}"}}"#)),
        (200, format!(r#"{{"id":"{}","type":"a","status":7,"{TOKEN} {long}":1}}"#, Uuid::nil())),
    ] {
        let answer = format!("HTTP/1.1 {code} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let error = answering(answer).await.task(Uuid::nil()).await.unwrap_err().to_string();
        assert!(!error.contains("eyJ") && error.len() < 5000, "{code}, {} bytes: {error:.200}", error.len());
    }
    let record = json!({
        "id": Uuid::nil(), "type": "a", "status": "failed", "error": format!("denied: {TOKEN}"),
        "result": { "outcome": "error", "noopReason": TOKEN, "key": TOKEN },
    });
    let body = record.to_string();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let record = answering(answer).await.task(Uuid::nil()).await.unwrap().unwrap();
    assert!(!format!("{record:?}").contains("eyJ"), "{record:?}");
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
