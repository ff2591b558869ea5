//! What the terminal shows.

use std::{collections::BTreeMap, io::IsTerminal, time::Instant};

use sei_api::{
    SeiNode,
    conditions::ConditionType,
    names,
    v1alpha1::{PlanPhase, TaskStatus},
};

pub(super) fn title(text: &str) {
    let (bold, plain) = if std::io::stdout().is_terminal() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    println!("\n{bold}== {text}{plain}");
}

pub(super) fn line(who: &str, text: &str) {
    println!("  {who:<9} {text}");
}

/// A step that was seen.
pub(super) fn seen(text: &str) {
    println!("  ✓ {text}");
}

/// Prints what changes in nodes, each thing once.
pub(super) struct Watcher {
    began: Instant,
    shown: BTreeMap<String, String>,
}

impl Watcher {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), shown: BTreeMap::new() }
    }

    pub(super) fn show(&mut self, node: &SeiNode) {
        let name = names::node(node).to_owned();
        let Some(status) = &node.status else { return };
        if let Some(phase) = status.phase {
            self.once(&name, "phase", format!("phase {phase:?}"));
        }
        if let Some(tls) = status.condition(ConditionType::SidecarTlsSecretReady) {
            self.once(
                &name,
                "tls",
                format!("SidecarTLSSecretReady={} {}: {}", tls.status, tls.reason, tls.message),
            );
        }
        let Some(plan) = &status.plan else { return };
        for (index, task) in plan.tasks.iter().enumerate() {
            let place = format!("[{}/{}]", index + 1, plan.tasks.len());
            let key = format!("{}{index}", plan.id);
            if task.status == TaskStatus::Complete {
                self.once(&name, &key, format!("{place:<8} {:<26} done", task.type_));
            } else if plan.phase == PlanPhase::Active && task.submitted_at.is_some() {
                self.once(&name, &format!("{key} running"), format!("{place:<8} {:<26} …", task.type_));
            }
        }
    }

    /// Prints the image in the spec of a node, and whether the node is available with it.
    pub(super) fn show_image(&mut self, node: &SeiNode, is_available: bool) {
        let (_, tag) = node.spec.image.rsplit_once(':').unwrap_or_default();
        let state = if is_available { "available" } else { "not available" };
        self.once(names::node(node), "image", format!("{tag:<8} {state}"));
    }

    fn once(&mut self, node: &str, key: &str, text: String) {
        let known = self.shown.insert(format!("{node} {key}"), text.clone());
        if known.as_ref() != Some(&text) {
            println!("  {:>5.1}s  {node:<9} {text}", self.began.elapsed().as_secs_f64());
        }
    }
}
