//! kube-rbac-proxy: which clients it allows, and what the upstream receives, with a real API server for
//! reviews.

use std::{fs, os::unix::fs::symlink, path::PathBuf, process::Command, sync::Arc, time::Instant};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    http::HeaderMap,
};
use http::{Request, StatusCode, Version};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use k8s_openapi::api::{
    authentication::v1::TokenRequest,
    core::v1::ServiceAccount,
    rbac::v1::{ClusterRoleBinding, Role, RoleBinding},
};
use kube::{Api, api::PostParams};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use sei_testkit::{
    certs::Authority,
    control_plane::{ControlPlane, assets},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::process::{PATIENCE, Process, ports};

const AUDIENCE: &str = "sei-sidecar";
const IGNORED: &str = "--ignore-paths=/v0/healthz,/v0/startupz,/v0/livez,/v0/metrics";

/// A control plane with accounts, a certificate, and an upstream that reports what it receives.
struct TestSidecar {
    plane: ControlPlane,
    authority: Authority,
    folder: tempfile::TempDir,
    upstream: u16,
}

impl TestSidecar {
    async fn new() -> Self {
        let plane = ControlPlane::start(&assets().unwrap()).await.unwrap();
        let authority = Authority::new("issuer").unwrap();
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = upstream.local_addr().unwrap().port();
        let app = Router::new().fallback(async |headers: HeaderMap| {
            let all = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()));
            Json(Value::Object(all.collect()))
        });
        tokio::spawn(async move { axum::serve(upstream, app).await });
        let bed = Self { plane, authority, folder: tempfile::tempdir().unwrap(), upstream: port };
        for account in ["proxy", "granted", "stranger"] {
            bed.create::<ServiceAccount>(json!({ "metadata": { "name": account } })).await;
        }
        let subject =
            |name: &str| json!([{ "kind": "ServiceAccount", "name": name, "namespace": "default" }]);
        let reference = |kind: &str, name: &str| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name });
        let rules =
            json!([{ "apiGroups": ["sei.io"], "resources": ["seinodetasks"], "verbs": ["create", "get"] }]);
        bed.create::<Role>(json!({ "metadata": { "name": "caller" }, "rules": rules })).await;
        bed.create::<RoleBinding>(json!({
            "metadata": { "name": "caller" }, "roleRef": reference("Role", "caller"), "subjects": subject("granted"),
        }))
        .await;
        let delegator: ClusterRoleBinding = serde_json::from_value(json!({
            "metadata": { "name": "proxy" },
            "roleRef": reference("ClusterRole", "system:auth-delegator"),
            "subjects": subject("proxy"),
        }))
        .unwrap();
        let client = bed.plane.client().await.unwrap();
        Api::all(client).create(&PostParams::default(), &delegator).await.unwrap();
        let kubeconfig = bed.plane.kubeconfig_for(&bed.token("proxy", None).await);
        fs::write(bed.file("kubeconfig"), kubeconfig.to_string()).unwrap();
        bed.issue();
        bed.configure("apiGroup");
        bed
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn create<K>(&self, object: Value)
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + Serialize
            + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.plane.client().await.unwrap(), "default");
        let object: K = serde_json::from_value(object).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
    }

    async fn token(&self, account: &str, audience: Option<&str>) -> String {
        let api: Api<ServiceAccount> = Api::namespaced(self.plane.client().await.unwrap(), "default");
        let audiences: Vec<_> = audience.into_iter().collect();
        let request: TokenRequest =
            serde_json::from_value(json!({ "spec": { "audiences": audiences } })).unwrap();
        let answer = api.create_token_request(account, &PostParams::default(), &request).await.unwrap();
        answer.status.unwrap().token
    }

    /// Replaces the certificate, both files at once, as the kubelet updates a mounted Secret.
    fn issue(&self) -> CertificateDer<'static> {
        let pair = self.authority.issue(&["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        fs::write(folder.join("tls.crt"), &pair.crt).unwrap();
        fs::write(folder.join("tls.key"), &pair.key).unwrap();
        symlink(&folder, self.file("tls.new")).unwrap();
        fs::rename(self.file("tls.new"), self.file("tls")).unwrap();
        CertificateDer::from_pem_slice(pair.crt.as_bytes()).unwrap()
    }

    /// Its configuration, with the API group in field `key`.
    fn configure(&self, key: &str) {
        let config = format!(
            "authorization:\n  resourceAttributes:\n    {key}: sei.io\n    resource: seinodetasks\n    namespace: default\n    name: rpc-0\n"
        );
        fs::write(self.file("config.yaml"), config).unwrap();
    }

    /// The proxy, and the port on which it listens.
    fn proxy(&self, upstream: u16, more: &[&str]) -> (Process, u16) {
        let [port] = ports();
        let file = |flag: &str, name: &str| format!("--{flag}={}", self.file(name).display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_kube-rbac-proxy"));
        command.args([
            format!("--secure-listen-address=127.0.0.1:{port}"),
            format!("--upstream=http://127.0.0.1:{upstream}/"),
            file("config-file", "config.yaml"),
            file("tls-cert-file", "tls/tls.crt"),
            file("tls-private-key-file", "tls/tls.key"),
            file("kubeconfig", "kubeconfig"),
        ]);
        (Process::start(command.args([IGNORED, "--v=0"]).args(more)), port)
    }

    /// A client configuration that trusts the authority of its certificates.
    fn trust(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap()).unwrap();
        ClientConfig::builder().with_root_certificates(Arc::new(roots)).with_no_client_auth()
    }

    /// The certificate that is served on `port`.
    async fn served(&self, port: u16) -> CertificateDer<'static> {
        let connector = TlsConnector::from(Arc::new(self.trust()));
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }

    /// The response of the proxy on `port`, once it listens.
    async fn ask(&self, port: u16, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let config = self.trust();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_all_versions().build();
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(connector);
        let began = Instant::now();
        loop {
            let mut request =
                Request::builder().method(method).uri(format!("https://localhost:{port}{path}"));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            match client.request(request.body(Body::empty()).unwrap()).await {
                Ok(answer) => {
                    let (status, version) = (answer.status(), answer.version());
                    let body = to_bytes(Body::new(answer.into_body()), 1 << 20).await.unwrap();
                    return Answer { status, version, body: String::from_utf8(body.to_vec()).unwrap() };
                }
                Err(error) => assert!(began.elapsed() < PATIENCE, "{error:?}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

struct Answer {
    status: StatusCode,
    version: Version,
    body: String,
}

impl Answer {
    /// What the upstream received.
    fn heard(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }
}

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
