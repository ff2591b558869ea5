//! kube-rbac-proxy in front of an upstream, with a real API server for reviews.

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

pub(crate) const AUDIENCE: &str = "sei-sidecar";

const IGNORED: &str = "--ignore-paths=/v0/healthz,/v0/startupz,/v0/livez,/v0/metrics";

/// A control plane with accounts, a certificate, and an upstream that reports what it receives.
pub(crate) struct TestSidecar {
    pub(crate) plane: ControlPlane,
    pub(crate) authority: Authority,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) upstream: u16,
}

impl TestSidecar {
    pub(crate) async fn new() -> Self {
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

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn create<K>(&self, object: Value)
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

    pub(crate) async fn token(&self, account: &str, audience: Option<&str>) -> String {
        let api: Api<ServiceAccount> = Api::namespaced(self.plane.client().await.unwrap(), "default");
        let audiences: Vec<_> = audience.into_iter().collect();
        let request: TokenRequest =
            serde_json::from_value(json!({ "spec": { "audiences": audiences } })).unwrap();
        let answer = api.create_token_request(account, &PostParams::default(), &request).await.unwrap();
        answer.status.unwrap().token
    }

    /// Replaces the certificate, both files at once, as the kubelet updates a mounted Secret.
    pub(crate) fn issue(&self) -> CertificateDer<'static> {
        let pair = self.authority.issue(&["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        fs::write(folder.join("tls.crt"), &pair.crt).unwrap();
        fs::write(folder.join("tls.key"), &pair.key).unwrap();
        symlink(&folder, self.file("tls.new")).unwrap();
        fs::rename(self.file("tls.new"), self.file("tls")).unwrap();
        CertificateDer::from_pem_slice(pair.crt.as_bytes()).unwrap()
    }

    /// Its configuration, with the API group in field `key`.
    pub(crate) fn configure(&self, key: &str) {
        let config = format!(
            "authorization:\n  resourceAttributes:\n    {key}: sei.io\n    resource: seinodetasks\n    namespace: default\n    name: rpc-0\n"
        );
        fs::write(self.file("config.yaml"), config).unwrap();
    }

    /// The proxy, and the port on which it listens.
    pub(crate) fn proxy(&self, upstream: u16, more: &[&str]) -> (Process, u16) {
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
    pub(crate) fn trust(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap()).unwrap();
        ClientConfig::builder().with_root_certificates(Arc::new(roots)).with_no_client_auth()
    }

    /// The certificate that is served on `port`.
    pub(crate) async fn served(&self, port: u16) -> CertificateDer<'static> {
        let connector = TlsConnector::from(Arc::new(self.trust()));
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }

    /// The response of the proxy on `port`, once it listens.
    pub(crate) async fn ask(&self, port: u16, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
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

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) body: String,
}

impl Answer {
    /// What the upstream received.
    pub(crate) fn heard(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }
}
