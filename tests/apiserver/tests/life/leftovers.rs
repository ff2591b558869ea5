//! What a test leaves on an API server is deleted before another test uses the server.

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Namespace},
    rbac::v1::ClusterRole,
};
use kube::{Api, Resource, ResourceExt, api::PostParams};
use sei_testkit::{
    control_plane::{ControlPlane, assets},
    leftovers::{delete_except, uids},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Creates an object, and returns its UID.
async fn create<K>(api: &Api<K>, object: Value) -> String
where
    K: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Resource,
{
    let object = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap().uid().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_initial_objects_remain_although_others_have_finalizers() {
    let plane = ControlPlane::start(&assets().unwrap()).await.unwrap();
    let client = plane.client().await.unwrap();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let kept = create(&namespaces, json!({ "metadata": { "name": "initial" } })).await;
    let initial = uids(&client).await.unwrap();
    assert!(initial.contains(&kept));

    let namespace = create(&namespaces, json!({ "metadata": { "name": "used" } })).await;
    let held = json!({ "metadata": { "name": "held", "finalizers": ["example.com/hold"] } });
    let configs = |namespace: &str| Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let container = json!({ "name": "main", "image": "main" });
    let pod = json!({ "spec": { "restartPolicy": "Never", "containers": [container] } });
    let job = json!({ "metadata": { "name": "job" }, "spec": { "template": pod } });
    let left = [
        namespace,
        create(&configs("used"), held.clone()).await,
        create(&configs("initial"), held.clone()).await,
        create(&Api::<Job>::namespaced(client.clone(), "used"), job).await,
        create(&Api::<ClusterRole>::all(client.clone()), held).await,
    ];

    delete_except(&client, &initial).await.unwrap();

    let remaining = uids(&client).await.unwrap();
    assert!(initial.is_subset(&remaining), "{:?}", initial.difference(&remaining));
    assert_eq!(left.iter().filter(|uid| remaining.contains(*uid)).count(), 0);
}
