//! Tests against a real S3 server that checks signatures.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, io::Write, time::Duration};

use sei_store::Bucket;
use sei_testkit::{certs, s3::S3};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const BUCKET: &str = "genesis";

fn variables(server: &S3) -> BTreeMap<String, String> {
    server.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn open(variables: &BTreeMap<String, String>) -> Bucket {
    Bucket::open(BUCKET, "us-east-2", variables).unwrap().unwrap()
}

#[tokio::test]
async fn existing_and_missing_objects_are_distinguished() {
    let server = S3::start(BUCKET).await.unwrap();
    let bucket = open(&variables(&server));
    assert_eq!(bucket.holds("devnet/genesis.json").await, Ok(false));
    server.put("devnet/genesis.json.sha256", "x").unwrap();
    server.put("devnet/genesis.json/part", "x").unwrap_or_default();
    server.put("devnet/node-0/gentx.json", "{}").unwrap();
    assert_eq!(bucket.holds("devnet/genesis.json").await, Ok(false), "a longer name is another object");
    assert_eq!(bucket.holds("devnet/node-0").await, Ok(false), "a folder is no object");
    assert_eq!(bucket.holds("devnet/node-0/gentx.json").await, Ok(true));
}

#[tokio::test]
async fn denied_access_is_not_reported_as_a_missing_object() {
    let server = S3::start(BUCKET).await.unwrap();
    server.put("devnet/genesis.json", "{}").unwrap();
    for (name, value, code) in [
        ("AWS_SECRET_ACCESS_KEY", "another-secret", "SignatureDoesNotMatch"),
        // AWS itself returns InvalidAccessKeyId.
        ("AWS_ACCESS_KEY_ID", "unknown", "NotSignedUp"),
    ] {
        let mut variables = variables(&server);
        variables.insert(name.to_owned(), value.to_owned());
        let error = open(&variables).holds("devnet/genesis.json").await.unwrap_err().to_string();
        assert!(error.starts_with("bucket genesis could not be queried: "), "{error}");
        assert!(error.contains(code), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_bucket_is_not_reported_as_a_missing_object() {
    let server = S3::start(BUCKET).await.unwrap();
    let bucket = open(&variables(&server));
    server.remove_bucket().unwrap();
    let error = bucket.holds("devnet/genesis.json").await.unwrap_err().to_string();
    assert_eq!(error, "bucket genesis could not be queried: NoSuchBucket");
}

#[tokio::test]
async fn a_stopped_server_is_reported_with_the_same_message_each_time() {
    let server = S3::start(BUCKET).await.unwrap();
    let bucket = open(&variables(&server));
    assert_eq!(bucket.holds("devnet/genesis.json").await, Ok(false));
    server.stop();
    let first = bucket.holds("devnet/genesis.json").await.unwrap_err();
    // The first query may see the open connection end, later ones a closed port.
    let second = bucket.holds("devnet/genesis.json").await.unwrap_err();
    assert_eq!(bucket.holds("devnet/genesis.json").await, Err(second.clone()));
    assert!(second.to_string().contains("Connection refused"), "{first}; {second}");
}

#[tokio::test]
async fn a_server_that_does_not_respond_does_not_delay_the_caller() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let variables = BTreeMap::from([
        ("AWS_ENDPOINT_URL_S3".to_owned(), format!("http://{}", silent.local_addr().unwrap())),
        ("AWS_ACCESS_KEY_ID".to_owned(), "key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), "secret".to_owned()),
    ]);
    let error = open(&variables).holds("devnet/genesis.json").await.unwrap_err().to_string();
    assert_eq!(error, "bucket genesis could not be queried: no response within 5 s");
}

#[tokio::test]
async fn credentials_come_from_the_pod_identity_agent() {
    let server = S3::start(BUCKET).await.unwrap();
    server.put("devnet/genesis.json", "{}").unwrap();
    let [_, (_, id), (_, secret)] = server.variables();
    let body = format!(
        r#"{{"AccessKeyId":"{id}","SecretAccessKey":"{secret}","Token":"","Expiration":"2099-01-01T00:00:00Z"}}"#
    );
    let agent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = agent.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = agent.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        String::from_utf8(request[..length].to_vec()).unwrap()
    });
    let mut token = tempfile::NamedTempFile::new().unwrap();
    write!(token, "token-of-the-pod").unwrap();

    let mut variables = variables(&server);
    variables.retain(|name, _| name.starts_with("AWS_ENDPOINT"));
    for (name, value) in [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{address}/v1/credentials")),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.path().display().to_string()),
    ] {
        variables.insert(name.to_owned(), value);
    }
    let bucket = open(&variables);
    assert_eq!(bucket.holds("devnet/genesis.json").await, Ok(true));
    assert_eq!(bucket.holds("devnet/peers.json").await, Ok(false), "with the credentials it has");
    let request = asked.await.unwrap();
    assert!(request.starts_with("GET /v1/credentials "), "{request}");
    assert!(request.to_lowercase().contains("authorization: token-of-the-pod"), "{request}");
}

#[tokio::test]
async fn a_web_identity_is_never_sent_without_tls() {
    let sts = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut token = tempfile::NamedTempFile::new().unwrap();
    write!(token, "token-of-the-pod").unwrap();
    let variables = BTreeMap::from([
        ("AWS_WEB_IDENTITY_TOKEN_FILE".to_owned(), token.path().display().to_string()),
        ("AWS_ROLE_ARN".to_owned(), "arn:aws:iam::1:role/operator".to_owned()),
        ("AWS_ENDPOINT_URL_STS".to_owned(), format!("http://{}", sts.local_addr().unwrap())),
    ]);
    let error = open(&variables).holds("devnet/genesis.json").await.unwrap_err().to_string();
    assert!(!error.contains("token-of-the-pod"), "{error}");
    let called = tokio::time::timeout(Duration::from_millis(100), sts.accept()).await;
    assert!(called.is_err(), "no client connects");
    assert!(error.contains("scheme http"), "{error}");
}

#[tokio::test]
async fn a_missing_token_file_is_named_in_the_error() {
    let variables = BTreeMap::from([
        ("AWS_WEB_IDENTITY_TOKEN_FILE".to_owned(), "/nowhere/token".to_owned()),
        ("AWS_ROLE_ARN".to_owned(), "arn:aws:iam::1:role/operator".to_owned()),
    ]);
    let error = open(&variables).holds("devnet/genesis.json").await.unwrap_err().to_string();
    assert!(error.contains("'/nowhere/token'"), "{error}");
}

#[tokio::test]
async fn a_store_without_a_trusted_certificate_is_rejected() {
    let certificate = certs::self_signed(&["localhost".to_owned()]).unwrap();
    let server = S3::start_tls(BUCKET, &certificate).await.unwrap();
    server.put("devnet/genesis.json", "{}").unwrap();
    let error = open(&variables(&server)).holds("devnet/genesis.json").await.unwrap_err().to_string();
    assert!(error.starts_with("bucket genesis could not be queried: invalid peer certificate"), "{error}");
}
