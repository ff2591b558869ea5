//! The phase of a node.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::{SeiNodeStatus, v1alpha1::NodePhase};

/// Sets the phase; its transition time changes only with it.
pub fn set_phase(status: &mut SeiNodeStatus, phase: NodePhase, now: Timestamp) {
    if status.phase != Some(phase) {
        status.phase = Some(phase);
        status.phase_transition_time = Some(Time(now));
    }
}
