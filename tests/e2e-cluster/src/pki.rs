//! Certificates of a cluster, and the kubeconfigs of all clients of its API server.

use std::{fs, path::Path};

use anyhow::Context;
use k8s_openapi::ByteString;
use sei_testkit::certs::{self, Authority, Pair};
use serde_json::{Value, json};

use crate::{NODE, NODE_IP};

/// The clients with a kubeconfig: file, user, group.
const CLIENTS: &[(&str, &str, Option<&str>)] = &[
    ("admin", "admin", Some("system:masters")),
    ("kube-controller-manager", "system:kube-controller-manager", None),
    ("kube-scheduler", "system:kube-scheduler", None),
    ("kube-proxy", "system:kube-proxy", None),
    ("coredns", "system:coredns", None),
    ("cert-manager", "cert-manager", None),
];
/// First address of the service range, which the API server uses.
const API_SERVER_IP: &str = "10.96.0.1";

/// Writes everything to the cluster's directory.
pub(crate) fn write(state: &Path) -> anyhow::Result<()> {
    let pki = state.join("pki");
    fs::create_dir_all(&pki).with_context(|| format!("create {}", pki.display()))?;
    let authority = Authority::new("e2e")?;
    fs::write(pki.join("ca.crt"), authority.pem())?;
    let service = "kubernetes.default.svc.cluster.local";
    let names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", service, "localhost"];
    let names = names.into_iter().chain(["127.0.0.1", API_SERVER_IP, NODE_IP]).map(str::to_owned);
    write_pair(&pki, "apiserver", &authority.issue(&names.collect::<Vec<_>>())?)?;
    write_pair(&pki, "kubelet", &authority.issue(&[NODE_IP.to_owned()])?)?;
    write_pair(&pki, "apiserver-kubelet", &authority.client("kube-apiserver", Some("system:masters"))?)?;
    write_pair(&pki, "service-accounts", &certs::signing_key()?)?;
    for (file, user, group) in CLIENTS {
        let config = kubeconfig(&authority, &authority.client(user, *group)?);
        fs::write(state.join(format!("{file}.kubeconfig")), config.to_string())?;
    }
    let kubelet = authority.client(&format!("system:node:{NODE}"), Some("system:nodes"))?;
    fs::write(state.join("kubelet.kubeconfig"), kubeconfig(&authority, &kubelet).to_string())?;
    Ok(())
}

fn write_pair(pki: &Path, name: &str, pair: &Pair) -> anyhow::Result<()> {
    fs::write(pki.join(format!("{name}.crt")), &pair.crt)?;
    fs::write(pki.join(format!("{name}.key")), &pair.key)?;
    Ok(())
}

fn kubeconfig(authority: &Authority, pair: &Pair) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "e2e", "cluster": {
            "server": "https://127.0.0.1:6443",
            "certificate-authority-data": ByteString(authority.pem().into_bytes()),
        }}],
        "users": [{ "name": "user", "user": {
            "client-certificate-data": ByteString(pair.crt.clone().into_bytes()),
            "client-key-data": ByteString(pair.key.clone().into_bytes()),
        }}],
        "contexts": [{ "name": "e2e", "context": { "cluster": "e2e", "user": "user" } }],
        "current-context": "e2e",
    })
}
