//! The observed state of a task: the task, its SeiNode, and the state that the sidecar reports.

use std::sync::Arc;

use jiff::Timestamp;
use kube::{ResourceExt, runtime::reflector::ObjectRef};
use sei_api::SeiNodeTask;
use sei_decide::{Sidecar, Trouble, TroubleKind};
use sei_node_task::{Node, Observed};

use super::context::Context;
use crate::sidecar::Queries;

pub(super) fn observe(ctx: &Context, cached: &Arc<SeiNodeTask>) -> Observed {
    let newest = ctx.memory(cached, |memory| memory.task.newest(Some(Arc::clone(cached))));
    let task = newest.unwrap_or_else(|| Arc::clone(cached));
    let node = node(ctx, &task);
    let sidecar = sidecar(ctx, &task, &node);
    Observed { task, node, sidecar, now: Timestamp::now() }
}

fn node(ctx: &Context, task: &SeiNodeTask) -> Node {
    let (namespace, name) = (task.namespace().unwrap_or_default(), &task.spec.node_ref.name);
    match ctx.nodes.get(&ObjectRef::new(name).within(&namespace)) {
        Some(node) => Node::Found(node),
        None if ctx.unreadable_nodes.of(&namespace).contains(name) => Node::Unreadable,
        None => Node::Missing,
    }
}

/// The state that the sidecar reports for a task that has started or can start. Nothing is submitted until the status
/// is stored.
fn sidecar(ctx: &Context, task: &SeiNodeTask, node: &Node) -> Sidecar {
    if !Observed::needs_sidecar(task, node) {
        ctx.memory(task, |memory| memory.sidecar = None);
        return Sidecar::default();
    }
    let target = match node {
        Node::Found(node) => ctx.sidecars.target(node),
        Node::Missing | Node::Unreadable => None,
    };
    let target = target.ok_or_else(|| Trouble {
        kind: TroubleKind::NoPod,
        message: format!("the sidecar of SeiNode {} is not reachable yet", task.spec.node_ref.name),
    });
    ctx.memory(task, |memory| {
        let watched = memory.sidecar.get_or_insert_with(|| ctx.sidecars.follow(ctx.waker(task)));
        watched.begin_pass(target, None, Queries::default())
    })
}
