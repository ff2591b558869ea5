//! Task IDs: stable across retries and restarts, so that the sidecar recognizes a task.

use uuid::{Uuid, uuid};

use crate::TaskKind;

const NAMESPACE: Uuid = uuid!("b7e89c3a-4f12-4d8b-9a6e-1c2d3e4f5a6b");

/// The ID of the task of kind `kind` at `index` of plan `plan_id`: a UUID of version 5.
pub fn task_id(plan_id: &str, kind: TaskKind, index: usize) -> Uuid {
    task_id_of(plan_id, kind.as_str(), index)
}

/// The ID of the task of type `type_`, which may be that of a group, at `index` of plan `plan_id`.
pub fn task_id_of(plan_id: &str, type_: &str, index: usize) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{plan_id}/{type_}/{index}").as_bytes())
}

/// The ID of `snapshot-upload` on the claim with this UID. The upload runs for the life of the volume, in
/// every sidecar that mounts it: another ID would start a second upload loop.
pub(crate) fn upload_id(claim_uid: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{claim_uid}/{}", TaskKind::SnapshotUpload.as_str()).as_bytes())
}

/// A digest that identifies this content.
pub(crate) fn digest(content: &[u8]) -> String {
    Uuid::new_v5(&NAMESPACE, content).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_go_controller() {
        let plan = "11111111-2222-4333-8444-555555555555";
        for (plan, kind, index, id) in [
            (plan, TaskKind::MarkReady, 0, "27669cc2-ff5c-5954-a251-8491a7bd9284"),
            (plan, TaskKind::EnsureDataPvc, 0, "859d8a92-8a4f-5ce6-a0b0-ace7c5793bc4"),
            (plan, TaskKind::ConfigApply, 4, "c1ba0997-27f7-5ced-8eb0-179cc2545c9b"),
            ("test-plan-retry", TaskKind::ConfigureGenesis, 0, "52870ba7-7f29-5143-8fa9-c17316f83728"),
        ] {
            assert_eq!(task_id(plan, kind, index).to_string(), id);
        }
    }
}
