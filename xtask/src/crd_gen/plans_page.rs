//! `docs/plans.md`: the plans, from one example for each kind of node, and the tasks, from the documentation
//! of `TaskKind`.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use anyhow::{Context, ensure};
use sei_api::{SeiNode, v1alpha1::TaskPlan};
use sei_node::Node;
use sei_plan::{TaskKind, build, wait_limit};
use serde_json::{Value, json};

const INTRODUCTION: &str = "\
# Plans and tasks

A plan is a list of tasks in `status.plan`. It is stored before its first task runs, and its tasks run in order.
`kubectl describe seinode NAME` shows it, and `sei-operator plan -f node.yaml` prints the plan that a node would get.

- A node that is not Running gets its first plan. When it completes the node is Running; when it fails the node is Failed.
- A Running node whose `spec.image` is not `status.currentImage` gets an update plan, which brings the pod to whatever the
  spec says and changes the configuration in place: `overrides`, peers and the external address. If no sidecar responds,
  that of the new pod does it. A failed one leaves the node Running. Invalid `overrides` or `peers` are left out, so that
  they do not block the image, and peers that are known are never replaced by none.
- A change of `overrides` or `peers` alone takes effect with the next update, and condition `SpecHonored` reports it as
  `FieldPending` until then. With `spec.configRollout: Immediate` it starts an update, which restarts the pod;
  `platform.configRollout` is the default of all nodes ([configuration.md](configuration.md)).
- A Running node whose sidecar restarted gets a plan that only submits mark-ready again.
- While `spec.paused` is true, no plan starts or continues, drift of owned objects is not reverted, and a sidecar that
  restarts keeps seid from starting. A task that the sidecar is already running finishes there. `spec.stopped` also scales
  the StatefulSet to zero, so that a pod of yours can mount the volume; the pod returns when neither field is true. The
  pod of a bootstrap Job is not stopped.
- While the Secret of `spec.sidecar.tls` is not ready, no plan starts; an active plan continues.
- A change of the spec during a plan takes effect at the next task: a plan built from the new spec replaces it, and
  completed tasks count.

## Outcomes of a task

| outcome | next |
|---|---|
| complete | the next task starts |
| running in the sidecar | polled after 100 ms, then at growing intervals of up to 5 s |
| waiting for something external | the same; `Ready` says for what. Waiting uses no retry. Beyond the task's limit the node is `Stalled` with reason `WaitingTooLong`, and keeps waiting |
| the attempt failed | retried while retries are left: after 5 s, doubling up to 5 min (`configure-genesis` and `discover-peers`: 10 s, 20 s, then every 30 s). `Ready` says `TaskRetrying`, with the error and the time of the next attempt |
| no attempt can succeed, or no retry is left | the plan fails; the node is `Stalled` with reason `PlanFailed` |

All delays have jitter, and the time of the next attempt is stored, so a restart of the operator neither drops nor
hastens it. The operator queries a sidecar task by its ID before submitting it, so none runs twice. To retry a failed
plan, change the spec or set annotation `sei.io/retry` to a new value; completed tasks are not repeated.
";

const FIRST_PLANS: &str = "
## First plans

![For each kind of node the tasks of its first plan](pictures/plans.svg)

Each for the spec shown, beside `chainId` and `image`; other specs combine them.
";

/// The kinds of nodes: a title, and the fields of the spec besides chain and image.
fn sorts() -> Vec<(&'static str, Value)> {
    let peers =
        json!([{ "static": { "addresses": ["0123456789abcdef0123456789abcdef01234567@HOST:26656"] } }]);
    let s3 = json!({ "s3": { "targetHeight": 100 } });
    let bootstrap = json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:v6" });
    let publishing = json!({ "tendermint": { "keepRecent": 3, "publish": {} } });
    let key = |name: &str| json!({ "secret": { "secretName": name } });
    vec![
        ("Full node that syncs from genesis", json!({ "fullNode": {} })),
        (
            "Full node with TLS on its sidecar",
            json!({ "fullNode": {}, "sidecar": { "tls": { "secretName": "TLS" } } }),
        ),
        (
            "Full node that uses state sync",
            json!({ "fullNode": { "snapshot": { "stateSync": {} } }, "peers": peers }),
        ),
        (
            "Full node that restores a snapshot and publishes its own",
            json!({ "fullNode": { "snapshot": s3, "snapshotGeneration": publishing }, "peers": peers }),
        ),
        ("Full node with a bootstrap Job", json!({ "fullNode": { "snapshot": bootstrap }, "peers": peers })),
        ("Archive that publishes snapshots", json!({ "archive": { "snapshotGeneration": publishing } })),
        ("Replayer", json!({ "replayer": { "snapshot": s3 }, "peers": peers })),
        (
            "Validator with its keys in Secrets",
            json!({ "validator": {
                "signingKey": key("SIGNING"),
                "nodeKey": key("NODE"),
                "operatorKeyring": { "secret": {
                    "secretName": "KEYRING",
                    "passphraseSecretRef": { "secretName": "PASSPHRASE", "key": "KEY" },
                }},
            }}),
        ),
        (
            "Member of a genesis ceremony",
            json!({ "validator": { "genesisCeremony": {
                "chainId": "CHAIN", "stakingAmount": "1usei", "accountBalance": "2usei", "index": 0,
            }}}),
        ),
        (
            "Full node whose peers are EC2 instances, with a sidecar before v0.0.57",
            json!({ "fullNode": {}, "peers": [{ "ec2Tags": { "region": "REGION", "tags": { "Chain": "CHAIN" } } }] }),
        ),
    ]
}

pub(super) fn render() -> anyhow::Result<String> {
    let mut page = INTRODUCTION.to_owned();
    let mut seen = BTreeSet::new();
    page.push_str(FIRST_PLANS);
    for ((title, more), (_, plan)) in sorts().iter().zip(first_plans()?) {
        let yaml = serde_saphyr::to_string(more).with_context(|| format!("write {title} as YAML"))?;
        write!(page, "\n### {title}\n\n```yaml\n{}\n```\n\n", yaml.trim_end())?;
        tasks(&mut page, &plan, &mut seen)?;
    }
    page.push_str("\n## Plans of a Running node\n");
    let publisher = node(&sorts()[5].1)?;
    let plain = node(&sorts()[0].1)?;
    let (plain, publisher) = (Node::of(&plain), Node::of(&publisher));
    for (title, plan) in [
        ("Update to another image", build::update(&plain, "")),
        ("Update of a node that publishes snapshots", build::update(&publisher, "")),
        ("The sidecar restarted", build::mark_ready(&plain, "")),
        ("The sidecar of a node that publishes snapshots restarted", build::mark_ready(&publisher, "")),
    ] {
        write!(page, "\n### {title}\n\n")?;
        tasks(&mut page, &plan, &mut seen)?;
    }
    page.push_str("\n## Tasks\n");
    for kind in TaskKind::ALL {
        ensure!(seen.contains(kind), "no plan of the page has task {}", kind.as_str());
        let place = if kind.runs_in_sidecar() { "the sidecar" } else { "the operator" };
        let retries = match kind.max_retries() {
            Some(retries) if kind.runs_in_sidecar() => {
                format!(" A failed attempt is retried up to {retries} times.")
            }
            _ => String::new(),
        };
        let limit = duration(wait_limit(*kind));
        let text = paragraphs(kind.describe());
        write!(
            page,
            "\n### `{}`\n\n{text}Run by {place}.{retries} The node is `Stalled` if it takes longer than {limit}.\n",
            kind.as_str()
        )?;
    }
    Ok(page)
}

/// The first plan of each kind of node, with its title.
pub(super) fn first_plans() -> anyhow::Result<Vec<(&'static str, TaskPlan)>> {
    let plan = |(title, more): (&'static str, Value)| {
        let node = node(&more)?;
        let plan = build::next(&Node::of(&node), "").with_context(|| format!("{title} has a plan"))?;
        Ok((title, plan))
    };
    sorts().into_iter().map(plan).collect()
}

fn node(more: &Value) -> anyhow::Result<SeiNode> {
    let mut spec = json!({ "chainId": "CHAIN", "image": "seid:v6" });
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
        spec.extend(more.clone());
    }
    let node = json!({ "metadata": { "name": "NAME", "namespace": "NAMESPACE" }, "spec": spec });
    let node: SeiNode = serde_json::from_value(node).context("read a spec of the page")?;
    let faults: Vec<_> = Node::of(&node).faults().iter().map(ToString::to_string).collect();
    ensure!(faults.is_empty(), "a spec of the page is refused: {}", faults.join("; "));
    Ok(node)
}

/// Writes the list of tasks, and records their types.
fn tasks(page: &mut String, plan: &TaskPlan, seen: &mut BTreeSet<TaskKind>) -> anyhow::Result<()> {
    for (index, planned) in plan.tasks.iter().enumerate() {
        seen.extend(TaskKind::from_wire(&planned.type_));
        writeln!(page, "{}. [`{}`](#{})", index + 1, planned.type_, planned.type_)?;
    }
    Ok(())
}

/// Documentation as Markdown, one line per paragraph.
fn paragraphs(doc: &str) -> String {
    let paragraphs = doc.split("\n\n").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.filter(|text| !text.is_empty()).map(|text| format!("{text}\n\n")).collect::<String>()
}

fn duration(limit: Duration) -> String {
    match limit.as_secs() / 60 {
        minutes if minutes % (24 * 60) == 0 => format!("{} d", minutes / (24 * 60)),
        minutes if minutes % 60 == 0 => format!("{} h", minutes / 60),
        minutes => format!("{minutes} min"),
    }
}
