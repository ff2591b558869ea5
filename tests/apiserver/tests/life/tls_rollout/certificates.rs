//! `--certificates`, with the CRD of cert-manager; the test issues the certificates.

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use sei_testkit::{
    certs::Authority,
    cluster::{Cluster, NAMESPACE},
};
use tokio::task::JoinHandle;

use super::{IMAGE, NODES, bind, cluster_of_two, fails, tls};
use crate::harness::{self, eventually, names, put_secret, runs, until};

const CRD: &str = include_str!("certificates.yaml");

fn certificates(cluster: &Cluster) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate"));
    Api::namespaced_with(cluster.client.clone(), NAMESPACE, &kind)
}

async fn install_crd(cluster: &Cluster) {
    let crd: CustomResourceDefinition = serde_saphyr::from_str(CRD).unwrap();
    let crds: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    crds.create(&PostParams::default(), &crd).await.unwrap();
    let list = || async { certificates(cluster).list(&ListParams::default()).await.is_ok() };
    eventually("Certificates are served", list).await;
}

/// Issues requested certificates, like cert-manager.
fn issue(cluster: &Cluster) -> JoinHandle<()> {
    let (client, certificates) = (cluster.client.clone(), certificates(cluster));
    tokio::spawn(async move {
        let authority = Authority::new("issuer").unwrap();
        let mut wanted =
            watcher(certificates, watcher::Config::default()).default_backoff().applied_objects().boxed();
        while let Some(Ok(certificate)) = wanted.next().await {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let names: Vec<String> =
                serde_json::from_value(certificate.data["spec"]["dnsNames"].clone()).unwrap();
            let pair = authority.issue(&names).unwrap();
            let secret = certificate.data["spec"]["secretName"].as_str().unwrap();
            let secret =
                sei_testkit::builders::tls_secret(NAMESPACE, secret, &pair, &authority.pem()).unwrap();
            let secrets = Api::namespaced(client.clone(), NAMESPACE);
            secrets.create(&PostParams::default(), &secret).await.unwrap();
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_certificates_are_created_and_waited_for() {
    let cluster = cluster_of_two().await.not_reused();
    let _operator = harness::operator(&cluster);
    install_crd(&cluster).await;
    for (node, policy) in NODES.into_iter().zip(["Retain", "Delete"]) {
        until(&cluster, node, "is Ready", runs(IMAGE)).await;
        bind(&cluster, node, policy).await;
    }
    // The Secret of one node already exists.
    put_secret(&cluster, &Authority::new("other").unwrap(), "rpc-1-tls", &names("rpc-1")).await;

    let plan = fails(&cluster, &["plan", "--certificates", "sidecar-ca", "--all"]);
    let (manifest, refused) = (String::from_utf8_lossy(&plan.stdout), String::from_utf8_lossy(&plan.stderr));
    let printed: serde_json::Value = serde_saphyr::from_str(&manifest).unwrap();
    assert_eq!(printed["spec"]["secretName"], "rpc-0-tls", "{manifest}");
    assert!(refused.starts_with("rpc-1: not possible now: PersistentVolume rpc-1"), "{refused}");
    assert!(certificates(&cluster).list(&ListParams::default()).await.unwrap().items.is_empty());

    let issuer = issue(&cluster);
    let enable = ["enable", "--certificates", "ClusterIssuer/sidecar-ca", "rpc-0"];
    let enabled = tls(&cluster, &enable).output().unwrap();
    assert_eq!(enabled.status.code(), Some(0), "{enabled:?}");
    let certificate = certificates(&cluster).get("rpc-0-tls").await.unwrap();
    assert_eq!(certificate.name_any(), "rpc-0-tls");
    assert_eq!(certificate.data["spec"]["issuerRef"]["kind"], "ClusterIssuer");
    let node = until(&cluster, "rpc-0", "is Ready again", runs(IMAGE)).await;
    assert_eq!(node.spec.tls().unwrap().secret_name, "rpc-0-tls");
    issuer.abort();
}
