//! Commands that read a cluster, with a kubeconfig that leads nowhere.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
};

use serde_json::json;

use super::*;

const COMMANDS: [&str; 6] =
    ["status", "status -w", "doctor", "migrate check", "tls plan rpc-0", "tls enable rpc-0"];

/// A server with the same response to every request; it ends with the tests.
fn server(response: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, response) = (stream.unwrap(), response.clone());
            // The client may have gone.
            let _ = stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(response.as_bytes()));
        }
    });
    address
}

fn response(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// A kubeconfig, which is kept until the end of the tests.
fn kubeconfig(name: &str, server: &str, context: &str) -> PathBuf {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": context,
        "clusters": [{ "name": "c", "cluster": { "server": server } }],
        "users": [{ "name": "u", "user": { "token": "t" } }],
        "contexts": [{ "name": "here", "context": { "cluster": "c", "user": "u" } }],
    });
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

fn said(command: &str, kubeconfig: &Path) -> (Option<i32>, String) {
    let arguments: Vec<_> =
        command.split(' ').chain(["--kubeconfig", kubeconfig.to_str().unwrap()]).collect();
    let output = call(&arguments, "");
    assert_eq!(output.stdout, b"", "{command}");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_server_that_is_no_api_server_is_reported_with_its_address() {
    let page = "<html>welcome</html>";
    for (index, (status, kind, body)) in [
        ("200 OK", "text/html", page),
        ("200 OK", "application/json", "{}"),
        ("302 Found", "text/html", page),
        ("404 Not Found", "text/plain", "404 page not found"),
        ("403 Forbidden", "text/html", page),
        ("502 Bad Gateway", "text/html", page),
    ]
    .into_iter()
    .enumerate()
    {
        let address = format!("http://{}", server(response(status, kind, body)));
        let config = kubeconfig(&format!("foreign-{index}"), &address, "here");
        for command in COMMANDS {
            let (code, said) = said(command, &config);
            assert_eq!(code, Some(1), "{status} {command}: {said}");
            let expected =
                format!("sei-operator: the server at {address} does not respond like a Kubernetes API");
            assert!(said.starts_with(&expected) && said.lines().count() == 1, "{status} {command}: {said}");
        }
    }
}

#[test]
fn rejected_credentials_and_an_absent_server_are_reported_with_what_to_check() {
    let body = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "Unauthorized", "reason": "Unauthorized", "code": 401 });
    let address = server(response("401 Unauthorized", "application/json", &body.to_string()));
    let config = kubeconfig("rejected", &format!("http://{address}"), "here");
    let absent = kubeconfig("absent", "http://user:password@127.0.0.1:1", "here");
    for command in COMMANDS {
        let (code, denied) = said(command, &config);
        assert_eq!(code, Some(1), "{command}: {denied}");
        assert!(denied.contains("rejected the credentials of the kubeconfig"), "{command}: {denied}");
        let (code, refused) = said(command, &absent);
        assert_eq!(code, Some(1), "{command}: {refused}");
        let expected = "failed to reach the API server at http://127.0.0.1:1: check the kubeconfig";
        assert!(refused.contains(expected) && !refused.contains("password"), "{command}: {refused}");
    }
}

#[test]
fn a_kubeconfig_without_the_context_is_invalid_input_and_named() {
    let config = kubeconfig("without-context", "http://127.0.0.1:1", "gone");
    for command in COMMANDS {
        let (code, said) = said(command, &config);
        assert_eq!(code, Some(2), "{command}: {said}");
        assert!(said.contains("without-context: ") && said.contains("gone"), "{command}: {said}");
    }
}
