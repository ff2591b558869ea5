//! `sei-operator tls` takes single nodes and a group of validators from one TLS setting to the other and back, killed
//! before each of its steps.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use sei_api::deployment_conditions::ConditionType;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
};

use crate::{
    docs::Reader,
    exclusive::Exclusive,
    groups::Group,
    nodes::{CHAIN, NAMESPACE, Node},
    report::seen,
    world::{World, limited},
};

const SINGLE: [&str; 2] = ["solo-0", "solo-1"];
const GROUP: &str = "signers";
const MEMBERS: [&str; 3] = ["signers-0", "signers-1", "signers-2"];
/// For one run of the command between two kills.
const LIMIT: Duration = Duration::from_secs(300);

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    clean(world).await?;
    for name in SINGLE {
        Node::create(world, name, json!({})).await?;
    }
    create_group(world).await?;
    Reader::new(world)?.run("tls-procedures", "issuer", GROUP).await?;
    until_ready(world).await?;
    for name in all() {
        set_policy(world, name, "Retain").await?;
        seid(world, name, "echo 'written before' > /.sei/mark").await?;
    }
    let before = volumes(world).await?;
    seen("two nodes and a group of three validators run without TLS");

    let watch = Exclusive::watch(world);
    let enable = ["enable", "--certificates", "sei-sidecar-ca", "solo-0", "solo-1", "snd/signers"];
    let kills = killed_before_each_step(world, &enable).await?;
    ensure!(kills >= 20, "it was killed only {kills} times");
    until_ready(world).await?;
    check(world, &before, true).await?;
    seen(format!("TLS everywhere after {kills} kills, with the same volumes and data"));

    let back = ["disable", "--at-once", "2", "solo-0", "solo-1", "snd/signers"];
    let output = limited("sei-operator tls disable", command(world, &back).output()).await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    until_ready(world).await?;
    check(world, &before, false).await?;
    seen("disabled again, two nodes at a time, with the same volumes and data");
    let pods = watch.end().await?;
    seen(format!("no volume or key was used by two of {pods} pods at the same time"));

    for name in all() {
        set_policy(world, name, "Delete").await?;
    }
    clean(world).await
}

fn all() -> impl Iterator<Item = &'static str> {
    SINGLE.into_iter().chain(MEMBERS)
}

fn command(world: &World, arguments: &[&str]) -> tokio::process::Command {
    let mut command = world.command("sei-operator");
    command.arg("tls").args(arguments).args(["-n", NAMESPACE]);
    command
}

/// Kills the command whenever it names a step that it has not named before, and runs it again until it ends.
async fn killed_before_each_step(world: &World, arguments: &[&str]) -> anyhow::Result<usize> {
    let mut named = BTreeSet::new();
    loop {
        let mut child = command(world, arguments).spawn().context("run the command")?;
        let new = tokio::time::timeout(LIMIT, new_step(&mut child, &named)).await;
        match new.context("the command neither ends nor continues")?? {
            Some(step) => {
                child.kill().await.context("kill the command")?;
                named.insert(step);
            }
            None => {
                let output = child.wait_with_output().await.context("wait for the command")?;
                let said = String::from_utf8_lossy(&output.stderr);
                ensure!(output.status.success(), "after {} kills: {}", named.len(), said.trim());
                return Ok(named.len());
            }
        }
    }
}

/// The next step that is not among `named`; none when the command has ended.
async fn new_step(child: &mut Child, named: &BTreeSet<String>) -> anyhow::Result<Option<String>> {
    let output = child.stdout.take().context("the output of the command is not piped")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        if !line.contains(": waiting: ") && !line.ends_with(": Ready") && !named.contains(&line) {
            return Ok(Some(line));
        }
    }
    Ok(None)
}

async fn create_group(world: &World) -> anyhow::Result<()> {
    let items: Vec<_> = MEMBERS.iter().enumerate().flat_map(|(index, name)| keys(index, name)).collect();
    world.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()).await?;
    let secret = |name: &str| json!({ "secret": { "secretName": format!("$(name)-{name}") } });
    let spec = json!({
        "replicas": MEMBERS.len(),
        "deletionPolicy": "Delete",
        "template": { "spec": { "chainId": CHAIN, "image": world.images.seid[0],
            "validator": { "signingKey": secret("signing"), "nodeKey": secret("node") } } },
    });
    Group::create(world, GROUP, spec).await.map(drop)
}

/// Keys that no other node has.
fn keys(index: usize, name: &str) -> [Value; 2] {
    let signing = json!({
        "address": format!("{:040}", index + 1),
        "pub_key": { "type": "tendermint/PubKeyEd25519", "value": format!("PubValidator-{name}") },
        "priv_key": { "type": "tendermint/PrivKeyEd25519", "value": format!("PrivValidator-{name}") },
    });
    // 64 bytes in base64.
    let bytes = format!("{}{}==", "A".repeat(85), char::from(b"AQgw"[index % 4]));
    let node = json!({ "priv_key": { "type": "tendermint/PrivKeyEd25519", "value": bytes } });
    let secret = |what: &str, file: &str, data: &Value| {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": format!("{name}-{what}"), "namespace": NAMESPACE },
            "stringData": { file: data.to_string() },
        })
    };
    [secret("signing", "priv_validator_key.json", &signing), secret("node", "node_key.json", &node)]
}

async fn until_ready(world: &World) -> anyhow::Result<()> {
    for name in SINGLE {
        Node::of(world, name).until_ready().await?;
    }
    Group::of(world, GROUP).until_true(ConditionType::Ready).await
}

/// UID of each claim and name of its volume.
async fn volumes(world: &World) -> anyhow::Result<Vec<(String, String)>> {
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(world.client.clone(), NAMESPACE);
    let mut found = Vec::new();
    for name in all() {
        let claim = claims.get(&format!("data-{name}")).await.context("get the claim")?;
        let volume = claim.spec.as_ref().and_then(|spec| spec.volume_name.clone());
        found.push((claim.uid().unwrap_or_default(), volume.context("the claim is not bound")?));
    }
    Ok(found)
}

async fn check(world: &World, before: &[(String, String)], has_tls: bool) -> anyhow::Result<()> {
    for name in all() {
        let node = Node::of(world, name).api().get(name).await?;
        ensure!(node.spec.tls().is_some() == has_tls, "{name} has another TLS setting");
        let pod = Node::of(world, name).pod().await?;
        let containers = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
        let has_proxy = containers.into_iter().any(|container| container.name == "kube-rbac-proxy");
        ensure!(has_proxy == has_tls, "the pod of {name} has another TLS setting");
        let data = seid(world, name, "cat /.sei/mark").await?;
        ensure!(data == "written before", "the data of {name} is {data:?}");
    }
    ensure!(volumes(world).await? == before, "the volumes are not what they were");
    Ok(())
}

async fn set_policy(world: &World, name: &str, policy: &str) -> anyhow::Result<()> {
    let of = format!("get pvc data-{name} -n {NAMESPACE} -o jsonpath={{.spec.volumeName}}");
    let volume = world.kubectl(&of).await?;
    let patch = Patch::Merge(json!({ "spec": { "persistentVolumeReclaimPolicy": policy } }));
    let volumes = Api::<PersistentVolume>::all(world.client.clone());
    volumes.patch(&volume, &PatchParams::default(), &patch).await.context("change the volume")?;
    Ok(())
}

async fn seid(world: &World, name: &str, script: &str) -> anyhow::Result<String> {
    let pod = format!("{name}-0");
    world.run("kubectl", &["exec", "-n", NAMESPACE, &pod, "-c", "seid", "--", "sh", "-c", script]).await
}

/// Removes what this or an earlier run has left.
async fn clean(world: &World) -> anyhow::Result<()> {
    let delete = format!("-n {NAMESPACE} --ignore-not-found --timeout=2m");
    Group::of(world, GROUP).delete().await?;
    for (kind, suffix) in [("seinode", ""), ("certificate", "-tls")] {
        let names: Vec<_> = all().map(|name| format!("{name}{suffix}")).collect();
        world.kubectl(&format!("delete {kind} {} {delete}", names.join(" "))).await?;
    }
    let secrets: Vec<_> =
        all().flat_map(|name| ["tls", "signing", "node"].map(|of| format!("{name}-{of}"))).collect();
    world.kubectl(&format!("delete secret {} {delete}", secrets.join(" "))).await?;
    Ok(())
}
