//! No request to the Service of a group fails while the image of its nodes changes, in place and blue/green.

use anyhow::ensure;
use sei_api::conditions::ConditionType;
use serde_json::{Value, json};

use crate::{
    client::Requests,
    docs::Reader,
    groups::Group,
    nodes::{CHAIN, NAMESPACE, Node, condition},
    report::seen,
    world::{World, until},
};

const IN_PLACE: &str = "serving";
const MEMBERS: [&str; 3] = ["serving-0", "serving-1", "serving-2"];
const BLUE_GREEN: &str = "twofold";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    in_place(world).await?;
    blue_green(world).await
}

async fn in_place(world: &World) -> anyhow::Result<()> {
    let [a, b] = &world.images.seid;
    let secrets = MEMBERS.map(|name| format!("{name}-tls")).join(" ");
    let clean = format!("delete secret,certificate {secrets} -n {NAMESPACE} --ignore-not-found");
    world.kubectl(&clean).await?;
    let mut template = full_node(a);
    template["sidecar"] = json!({ "tls": { "secretName": "$(name)-tls" } });
    let spec = json!({ "replicas": MEMBERS.len(), "template": { "spec": template } });
    let group = Group::create(world, IN_PLACE, spec).await?;
    for name in MEMBERS {
        Node::of(world, name).until_waiting("WaitingForTLSSecret").await?;
    }
    let reader = Reader::new(world)?;
    reader.run("tls-procedures", "issuer", IN_PLACE).await?;
    reader.run("tls-procedures", "certificates", IN_PLACE).await?;
    group.until_complete(0).await?;
    for name in MEMBERS {
        let node = Node::of(world, name).until_ready().await?;
        let verdict = condition(&node, ConditionType::SidecarTlsSecretReady);
        ensure!(verdict.as_deref() == Some("True/TLSSecretReady"), "{name}: {verdict:?}");
    }
    seen("three nodes with TLS, each with a certificate from cert-manager");

    let requests = Requests::to(&format!("{IN_PLACE}-internal")).await?;
    group.change(json!({ "template": { "spec": { "image": b } } })).await?;
    group.until_complete(2).await?;
    let images = group.images().await?;
    ensure!(images.len() == 3 && images.iter().all(|image| image == b), "images: {images:?}");
    let count = requests.end().await?;
    seen(format!("image changed: one node was down at a time, and none of {count} requests failed"));
    group.delete().await?;
    world.kubectl(&clean).await.map(drop)
}

async fn blue_green(world: &World) -> anyhow::Result<()> {
    let [a, b] = &world.images.seid;
    let group = Group::create(
        world,
        BLUE_GREEN,
        json!({
            "replicas": 2,
            "updateStrategy": { "type": "BlueGreen", "blueGreen": { "scaleDownDelaySeconds": 10 } },
            "template": { "spec": full_node(a) },
        }),
    )
    .await?;
    group.until_complete(0).await?;
    let requests = Requests::to(&format!("{BLUE_GREEN}-internal")).await?;
    group.change(json!({ "template": { "spec": { "image": b } } })).await?;
    group.until_complete(2).await?;
    until("the replaced nodes to be gone", async || {
        let images = group.images().await?;
        ensure!(images.len() == 2 && images.iter().all(|image| image == b), "images: {images:?}");
        Ok(())
    })
    .await?;
    let count = requests.end().await?;
    seen(format!(
        "image changed: two new nodes replaced the two old ones, and none of {count} requests failed"
    ));
    group.delete().await
}

fn full_node(image: &str) -> Value {
    json!({ "chainId": CHAIN, "image": image, "fullNode": {} })
}
