//! The operator is killed at every point of a node's life: before and after each of its writes to the API
//! server and each task that it submits. Another one continues from there, with the same result, and does no
//! work twice.

use std::sync::Arc;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, PersistentVolumeClaim, Service},
};
use kube::{
    Api, Client, Config, ResourceExt,
    api::{DeleteParams, PostParams},
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig},
    core::NamespaceResourceScope,
};
use sei_api::{SeiNode, conditions::ConditionType};
use sei_controller::{Metrics, Options};
use sei_render::Platform;
use sei_testkit::{builders, certs::Authority, cluster::Cluster, crash::Crash};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::{self, PATIENCE, condition};

const IMAGE: &str = "ghcr.io/sei-protocol/sei:v6.4.1";

/// A namespace in which nodes run one after the other.
struct Lane<'a> {
    cluster: &'a Cluster,
    namespace: &'static str,
    tls: bool,
    after: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_point_leads_to_the_same_result() {
    let cluster = harness::cluster().await;
    let lane = |namespace, tls, after| Lane { cluster: &cluster, namespace, tls, after };
    let points = tokio::join!(
        lane("plain-before", false, false).every_point(),
        lane("plain-after", false, true).every_point(),
        lane("tls-before", true, false).every_point(),
        lane("tls-after", true, true).every_point(),
    );
    println!("points: {points:?}");
    let enough = |points: usize| (10..60).contains(&points);
    assert!([points.0, points.1, points.2, points.3].into_iter().all(enough), "{points:?}");
}

/// Runs the controller for one namespace like the program does, with this crash point.
pub async fn in_process(cluster: &Cluster, namespace: &str, crash: Option<&Crash>) -> JoinHandle<()> {
    let kubeconfig = Kubeconfig::read_from(cluster.operator_kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let client = match crash {
        Some(crash) => ClientBuilder::try_from(config).unwrap().with_layer(crash).build(),
        None => Client::try_from(config).unwrap(),
    };
    let settings = builders::platform().into_iter();
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let options = Options {
        namespaces: vec![namespace.to_owned()],
        connect_to: cluster.simulator.connect_to().iter().map(|rule| rule.parse().unwrap()).collect(),
        ..Options::new(Platform::from_settings(&settings).unwrap())
    };
    let metrics = Arc::new(Metrics::register(&mut Default::default()));
    tokio::spawn(async move {
        sei_controller::run(client, options, metrics, || {}, std::future::pending()).await.unwrap();
    })
}

impl Lane<'_> {
    /// Crashes at the first effect, at the second, and so on, until a node is up before the crash point.
    /// Returns the number of effects.
    async fn every_point(self) -> usize {
        self.cluster.add_namespace(self.namespace).await.unwrap();
        let (_, reference) = self.life("reference", None).await;
        for point in 0.. {
            let name = format!("node-{point}");
            let (was_cut, end) = self.life(&name, Some(Crash::new(point, self.after))).await;
            for (part, wanted) in reference.as_object().unwrap() {
                assert_eq!(end[part], *wanted, "{}: {part}, cut at effect {point}", self.namespace);
            }
            if !was_cut {
                return point;
            }
        }
        unreachable!("a node has finitely many effects")
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.cluster.client.clone(), self.namespace)
    }

    /// The whole life of one node. Returns whether the operator crashed, and the final state of the cluster.
    async fn life(&self, name: &str, crash: Option<Crash>) -> (bool, Value) {
        let host = format!("{name}-0.{name}.{}.svc.cluster.local", self.namespace);
        self.cluster.simulator.faults(&host, |faults| faults.crash.clone_from(&crash));
        let spec = match self.tls {
            true => {
                self.certificate(name, &host).await;
                builders::tls_full_node(IMAGE, &format!("{name}-tls"))
            }
            false => builders::full_node(IMAGE),
        };
        let operator = self.operator(crash.as_ref()).await;
        let node = builders::node(self.namespace, name, spec).unwrap();
        self.api().create(&PostParams::default(), &node).await.unwrap();
        let cut = async {
            match &crash {
                Some(crash) => crash.reached().await,
                None => std::future::pending().await,
            }
        };
        let was_cut = tokio::select! {
            () = cut => true,
            () = self.until_up(name) => false,
        };
        operator.abort();
        let _ = operator.await;
        self.cluster.simulator.faults(&host, |faults| faults.crash = None);

        let next = self.operator(None).await;
        self.until_up(name).await;
        let end = self.end(name, &host).await;
        self.api::<SeiNode>().delete(name, &DeleteParams::default()).await.unwrap();
        let gone = async {
            while self.api::<SeiNode>().get_opt(name).await.unwrap().is_some() {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.unwrap();
        next.abort();
        (was_cut, end)
    }

    async fn certificate(&self, name: &str, host: &str) {
        let authority = Authority::new("issuer").unwrap();
        let names = [format!("{name}.{}.svc.cluster.local", self.namespace), host.to_owned()];
        let pair = authority.issue(&names).unwrap();
        let secret =
            builders::tls_secret(self.namespace, &format!("{name}-tls"), &pair, &authority.pem()).unwrap();
        self.api().create(&PostParams::default(), &secret).await.unwrap();
    }

    async fn operator(&self, crash: Option<&Crash>) -> JoinHandle<()> {
        in_process(self.cluster, self.namespace, crash).await
    }

    async fn until_up(&self, name: &str) {
        let nodes: Api<SeiNode> = self.api();
        let up = async {
            loop {
                let node = nodes.get(name).await.unwrap();
                let said = |of| condition(&node, of).unwrap_or_default();
                if said(ConditionType::Ready) == "True/NodeReady"
                    && said(ConditionType::SidecarReady) == "True/Ready"
                {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, up).await.is_err() {
            let node = nodes.get(name).await.unwrap();
            panic!("{}/{name} never got ready: {:#?}", self.namespace, node.status);
        }
    }

    /// The relevant state of the cluster, without the node's name and random values.
    async fn end(&self, name: &str, host: &str) -> Value {
        let node: SeiNode = self.api().get(name).await.unwrap();
        let status = node.status.clone().unwrap();
        let plan = status.plan.as_ref().unwrap();
        // Each node has a separate certificate, issued at another time.
        let mut tls = status.sidecar_tls.clone();
        tls.iter_mut().for_each(|tls| tls.certificate = None);
        let tasks: Vec<_> =
            plan.tasks.iter().map(|task| (&task.type_, format!("{:?}", task.status))).collect();
        // The height of seid is queried independently of the node's life.
        let conditions = status.conditions.iter().flatten();
        let conditions = conditions.filter(|it| it.type_ != ConditionType::Synced.as_str());
        let conditions: Vec<_> = conditions.map(|it| (&it.type_, &it.status, &it.reason)).collect();
        let (set, service) = (self.spec::<StatefulSet>(name).await, self.spec::<Service>(name).await);
        let claim = self.spec::<PersistentVolumeClaim>(&format!("data-{name}")).await;
        let config: Option<ConfigMap> =
            self.api().get_opt(&format!("{name}-rbac-proxy-config")).await.unwrap();
        let end = json!({
            "finalizers": node.metadata.finalizers,
            "phase": status.phase,
            "image": status.current_image,
            "tls": tls,
            "conditions": conditions,
            "plan": plan.phase,
            "tasks": tasks,
            "objects": [set, service, claim],
            "config": config.map(|config| config.data),
            // How often each task ran, and which ones ran twice.
            "runs": self.cluster.simulator.runs(host),
            "repeated": self.cluster.simulator.repeated(host),
        });
        serde_json::from_str(&end.to_string().replace(name, "NODE")).unwrap()
    }

    /// Spec and generation of an object, without values that the API server allocates.
    async fn spec<K>(&self, name: &str) -> Value
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::Serialize
            + serde::de::DeserializeOwned,
    {
        let object = self.api::<K>().get(name).await.unwrap();
        let mut value = serde_json::to_value(&object).unwrap();
        json!({ "spec": value["spec"].take(), "generation": object.meta().generation, "labels": object.labels() })
    }
}
