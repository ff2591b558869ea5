//! Access to the API of a node with TLS.

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{
    install::{OPERATOR, RELEASE},
    manual_secret,
};
use crate::{
    docs::Reader,
    nodes::{NAMESPACE, Node},
    report::seen,
    world::{World, until},
};

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let node = manual_secret::node(world).await?;
    let reader = Reader::new(world)?;
    world
        .kubectl(&format!("delete serviceaccount,rolebinding task-caller -n {NAMESPACE} --ignore-not-found"))
        .await?;
    reader.run("tls-procedures", "grant-caller", node.name).await?;
    let answer = reader.run("tls-procedures", "call-api", node.name).await?;
    let tasks: Value = serde_json::from_str(&answer).context("read the list of tasks")?;
    ensure!(tasks.as_array().is_some_and(|tasks| !tasks.is_empty()), "no tasks: {answer}");
    seen("an authorized caller that trusts the authority gets 200 and the list of tasks");

    world.apply(&include_str!("../../manifests/caller.yaml").replace("IMAGE", &world.images.tools)).await?;
    let ready = format!("wait pod/caller -n {NAMESPACE} --for=condition=Ready --timeout=60s");
    world.kubectl(&ready).await?;
    let caller = Caller { world, url: format!("https://{}:8443/v0/tasks", node.host()) };
    let audience = format!("sei-sidecar/{NAMESPACE}/{}", node.name);
    let granted = token(world, "task-caller", &audience).await?;
    let stranger = token(world, "default", &audience).await?;
    let other = token(world, "task-caller", &format!("sei-sidecar/{NAMESPACE}/other")).await?;
    let wrong = token(world, "task-caller", "https://kubernetes.default.svc.cluster.local").await?;
    for (who, token, more, expected) in [
        ("a granted account", Some(&granted), None, "200"),
        ("anonymous", None, None, "401"),
        ("an account without a grant", Some(&stranger), None, "403"),
        ("a token for the API server", Some(&wrong), None, "401"),
        ("a token for another node", Some(&other), None, "401"),
        ("a forged identity without a token", None, Some("X-Remote-User: admin"), "401"),
    ] {
        let code = caller.code(token.map(String::as_str), more).await?;
        ensure!(code == expected, "{who} gets {code} and not {expected}");
        seen(format!("{who} gets {code}"));
    }
    plain_http(&caller, &node).await?;
    forged(&caller, &node, &granted).await?;
    own_token(world, &audience).await?;
    let delete = format!("delete pod/caller -n {NAMESPACE} --wait");
    world.kubectl(&delete).await?;
    Ok(())
}

/// A pod that sends requests.
struct Caller<'a> {
    world: &'a World,
    url: String,
}

impl Caller<'_> {
    /// Status code of a GET; 000 without a response.
    async fn code(&self, token: Option<&str>, header: Option<&str>) -> anyhow::Result<String> {
        let bearer = token.map(|token| format!("Authorization: Bearer {token}"));
        let headers = bearer.iter().map(String::as_str).chain(header).flat_map(|header| ["-H", header]);
        self.curl(&headers.chain(["--cacert", "/ca/ca.crt", &self.url]).collect::<Vec<_>>()).await
    }

    async fn curl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        // A failure of curl is also a result, so the shell exits with 0.
        let script =
            "curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' \"$@\" || true";
        let exec = ["exec", "-n", NAMESPACE, "caller", "--", "sh", "-c", script, "curl"];
        self.world.run("kubectl", &[&exec, arguments].concat()).await
    }
}

async fn token(world: &World, account: &str, audience: &str) -> anyhow::Result<String> {
    world.kubectl(&format!("create token {account} -n {NAMESPACE} --audience={audience}")).await
}

async fn plain_http(caller: &Caller<'_>, node: &Node<'_>) -> anyhow::Result<()> {
    let direct = format!("http://{}:7777/v0/tasks", node.host());
    let identity = ["-H", "X-Remote-User: admin"];
    let code = caller.curl(&[&identity[..], &[&direct]].concat()).await?;
    ensure!(code == "000", "the sidecar's own port answers another pod with {code}");
    let to_proxy = format!("http://{}:8443/v0/tasks", node.host());
    let code = caller.curl(&[&identity[..], &[&to_proxy]].concat()).await?;
    ensure!(code == "400" || code == "000", "plain HTTP on :8443 gets {code}");
    seen("plain HTTP from another pod cannot reach the API on either port");
    Ok(())
}

/// What the sidecar sees of a client's identity.
async fn forged(caller: &Caller<'_>, node: &Node<'_>, granted: &str) -> anyhow::Result<()> {
    if caller.world.images.sidecar.real {
        seen("skipped: the identities that reach the sidecar, since the real one does not log its callers");
        return Ok(());
    }
    let code = caller.code(Some(granted), Some("X-Remote-User: admin")).await?;
    ensure!(code == "200", "a granted account that also forges a header gets {code}");
    let calls = until("the call in the sidecar's log", async || {
        let log = format!("logs -n {NAMESPACE} {}-0 -c sei-sidecar", node.name);
        let calls = calls(&caller.world.kubectl(&log).await?);
        ensure!(calls.iter().any(|(user, _)| user.ends_with(":task-caller")), "no call of task-caller");
        Ok(calls)
    })
    .await?;
    ensure!(!calls.iter().any(|(user, _)| user == "admin"), "the forged name got through");
    seen("a forged identity header is replaced by the caller's own name");
    let operator = format!("system:serviceaccount:{OPERATOR}:{RELEASE}");
    ensure!(calls.iter().any(|(user, _)| *user == operator), "no call of {operator}");
    ensure!(!calls.iter().any(|(_, bearer)| *bearer), "a token reached the sidecar");
    seen(format!("the operator's requests arrive as {operator}, and no token reaches the sidecar"));
    Ok(())
}

/// User and whether there was a token, for each request with a user in the sidecar's log.
fn calls(log: &str) -> Vec<(String, bool)> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let requests = lines.filter(|line| line["msg"] == "request");
    let named = requests.flat_map(|line| {
        let bearer = line["authorization"].as_bool().unwrap_or_default();
        let users = line["users"].as_array().cloned().unwrap_or_default();
        users.into_iter().map(move |user| (user.as_str().unwrap_or_default().to_owned(), bearer))
    });
    named.collect()
}

/// A token that the operator sends to sidecars is not accepted by the API server.
async fn own_token(world: &World, audience: &str) -> anyhow::Result<()> {
    let create = format!("create token {RELEASE} -n {OPERATOR} --audience={audience}");
    let token = world.kubectl(&create).await?;
    let refused = world
        .run(
            "kubectl",
            &[
                "get",
                "--raw=/api",
                "--kubeconfig=/dev/null",
                "--server=https://127.0.0.1:6443",
                "--insecure-skip-tls-verify",
                &format!("--token={}", token.trim()),
            ],
        )
        .await;
    let words = refused.err().context("the API server accepts the token that goes to sidecars")?.to_string();
    ensure!(words.contains("Unauthorized") || words.contains("must be logged in"), "{words}");
    seen("the token that it sends to sidecars is refused by the API server");
    Ok(())
}
