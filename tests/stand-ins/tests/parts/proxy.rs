//! kube-rbac-proxy: which clients it allows, what the upstream receives, and which certificate it serves.

use std::{fs, process::Command, time::Instant};

use http::Version;
use serde_json::{Value, json};

use crate::{
    process::{PATIENCE, ports},
    test_sidecar::{AUDIENCE, TestSidecar},
};

#[tokio::test(flavor = "multi_thread")]
async fn authorized_clients_are_forwarded_with_their_identity() {
    let bed = TestSidecar::new().await;
    let bearer = |token: String| format!("Bearer {token}");
    let granted = bearer(bed.token("granted", Some(AUDIENCE)).await);
    let stranger = bearer(bed.token("stranger", Some(AUDIENCE)).await);
    let for_api = bearer(bed.token("granted", None).await);
    let whole = ["--auth-header-fields-enabled=true", "--auth-token-audiences=sei-sidecar"];

    let (proxy, port) = bed.proxy(bed.upstream, &whole);
    for (headers, method, status, text) in [
        (vec![], "GET", 401, "Unauthorized\n".to_owned()),
        (vec![("authorization", "Bearer rubbish")], "GET", 401, "Unauthorized\n".to_owned()),
        (vec![("authorization", for_api.as_str())], "GET", 401, "Unauthorized\n".to_owned()),
        (vec![("authorization", stranger.as_str())], "GET", 403, forbidden("stranger", "get")),
        (vec![("authorization", granted.as_str())], "DELETE", 403, forbidden("granted", "delete")),
    ] {
        let answer = bed.ask(port, method, "/v0/tasks", &headers).await;
        assert_eq!((answer.status.as_u16(), answer.body), (status, text), "{method} {headers:?}");
    }
    let forged = [("authorization", granted.as_str()), ("x-remote-user", "evil"), ("x-other", "kept")];
    for method in ["GET", "POST"] {
        let answer = bed.ask(port, method, "/v0/tasks", &forged).await;
        assert_eq!(answer.version, Version::HTTP_2, "offered by ALPN");
        let heard = answer.heard();
        assert_eq!(heard["x-remote-user"], "system:serviceaccount:default:granted");
        assert!(heard["x-remote-groups"].as_str().unwrap().contains("|system:serviceaccounts:default"));
        assert_eq!((&heard["authorization"], &heard["x-other"]), (&Value::Null, &json!("kept")));
        assert_eq!(heard["x-forwarded-for"], "127.0.0.1");
    }
    // The address of the client comes after the earlier forwarded addresses.
    let forwarded = [("authorization", granted.as_str()), ("x-forwarded-for", "192.0.2.1")];
    let heard = bed.ask(port, "GET", "/v0/tasks", &forwarded).await.heard();
    assert_eq!(heard["x-forwarded-for"], "192.0.2.1, 127.0.0.1");
    // An ignored path is forwarded unchanged; another one with the same prefix is not.
    let heard = bed.ask(port, "GET", "/v0/healthz", &forged).await.heard();
    assert_eq!((&heard["x-remote-user"], &heard["authorization"]), (&json!("evil"), &json!(granted)));
    assert_eq!(bed.ask(port, "GET", "/v0/healthz/", &[]).await.status, 401);
    assert_eq!(proxy.terminate().0, 0);

    let (_proxy, port) = bed.proxy(ports::<1>()[0], &whole);
    let answer = bed.ask(port, "GET", "/v0/healthz", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (502, ""));

    // As run by the Go controller: clients can set the identity headers themselves.
    let (_proxy, port) = bed.proxy(bed.upstream, &[]);
    let as_evil = [("authorization", for_api.as_str()), ("x-remote-user", "evil")];
    assert_eq!(bed.ask(port, "GET", "/v0/tasks", &as_evil).await.heard()["x-remote-user"], "evil");
    // As configured by the Go controller: the permission is checked in a group where no user has it.
    bed.configure("group");
    let (_proxy, port) = bed.proxy(bed.upstream, &whole);
    let answer = bed.ask(port, "GET", "/v0/tasks", &[("authorization", &granted)]).await;
    assert_eq!((answer.status.as_u16(), answer.body), (403, forbidden("granted", "get")));
}

fn forbidden(account: &str, verb: &str) -> String {
    format!(
        "Forbidden (user=system:serviceaccount:default:{account}, verb={verb}, resource=seinodetasks, subresource=)\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_reloaded_and_without_one_the_proxy_exits() {
    let bed = TestSidecar::new().await;
    let (proxy, port) = bed.proxy(bed.upstream, &["--tls-reload-interval=100ms"]);
    assert_eq!(bed.ask(port, "GET", "/v0/livez", &[]).await.status, 200);
    let first = bed.served(port).await;
    let renewed = bed.issue();
    assert_ne!(first, renewed);
    let began = Instant::now();
    while bed.served(port).await != renewed {
        assert!(began.elapsed() < PATIENCE, "the renewed certificate is not served");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    fs::write(bed.file("tls/tls.key"), "no key").unwrap();
    let (code, output) = proxy.end();
    assert_ne!(code, 0);
    assert!(output.contains("tls.key"), "{output}");
}

#[test]
fn settings_unknown_to_the_real_proxy_are_rejected() {
    for flag in ["--auth-header-fields", "--insecure-listen-address=:80"] {
        let output = Command::new(env!("CARGO_BIN_EXE_kube-rbac-proxy")).arg(flag).output().unwrap();
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("unexpected argument"), "{output:?}");
    }
}
