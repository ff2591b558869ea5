//! Against a real S3 server that checks signatures.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use sei_store::Bucket;
use sei_testkit::s3::S3;

const BUCKET: &str = "genesis";

fn variables(server: &S3) -> BTreeMap<String, String> {
    server.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn open(variables: &BTreeMap<String, String>) -> Bucket {
    Bucket::open(BUCKET, "us-east-2", variables).unwrap().unwrap()
}

#[tokio::test]
async fn an_object_is_there_or_not() {
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
async fn who_is_not_let_in_is_told_so_and_not_that_nothing_is_there() {
    let server = S3::start(BUCKET).await.unwrap();
    server.put("devnet/genesis.json", "{}").unwrap();
    for (name, value, code) in [
        ("AWS_SECRET_ACCESS_KEY", "another-secret", "SignatureDoesNotMatch"),
        // AWS itself says InvalidAccessKeyId.
        ("AWS_ACCESS_KEY_ID", "somebody", "NotSignedUp"),
    ] {
        let mut variables = variables(&server);
        variables.insert(name.to_owned(), value.to_owned());
        let error = open(&variables).holds("devnet/genesis.json").await.unwrap_err().to_string();
        assert!(error.starts_with("bucket genesis could not be asked: "), "{error}");
        assert!(error.contains(code), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_bucket_is_no_missing_object() {
    let server = S3::start(BUCKET).await.unwrap();
    let bucket = open(&variables(&server));
    server.remove_bucket().unwrap();
    let error = bucket.holds("devnet/genesis.json").await.unwrap_err().to_string();
    assert_eq!(error, "bucket genesis could not be asked: NoSuchBucket");
}

#[tokio::test]
async fn a_server_that_ended_is_said_in_the_same_words_each_time() {
    let server = S3::start(BUCKET).await.unwrap();
    let bucket = open(&variables(&server));
    assert_eq!(bucket.holds("devnet/genesis.json").await, Ok(false));
    server.stop();
    let first = bucket.holds("devnet/genesis.json").await.unwrap_err();
    // The first question may meet the end of the connection that was open, later ones nobody who listens.
    let second = bucket.holds("devnet/genesis.json").await.unwrap_err();
    assert_eq!(bucket.holds("devnet/genesis.json").await, Err(second.clone()));
    assert!(second.to_string().contains("Connection refused"), "{first}; {second}");
}

#[tokio::test]
async fn a_server_that_says_nothing_holds_nobody_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let variables = BTreeMap::from([
        ("AWS_ENDPOINT_URL_S3".to_owned(), format!("http://{}", silent.local_addr().unwrap())),
        ("AWS_ACCESS_KEY_ID".to_owned(), "key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), "secret".to_owned()),
    ]);
    let error = open(&variables).holds("devnet/genesis.json").await.unwrap_err().to_string();
    assert_eq!(error, "bucket genesis could not be asked: no answer within 5 s");
}
