//! When changed images of the sidecar and its proxy are rolled out to Running nodes.

use std::num::NonZeroU32;

use crate::settings::Reader;

/// The setting with the rollout of sidecar images.
const ROLLOUT: &str = "SEI_SIDECAR_ROLLOUT";
/// The setting with how many nodes of a chain it may make unavailable.
const MAX_UNAVAILABLE: &str = "SEI_SIDECAR_ROLLOUT_MAX_UNAVAILABLE";

/// When changed images of the sidecar and its proxy are rolled out to Running nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SidecarRollout {
    /// With the next update of the node.
    #[default]
    WithImage,
    /// By updates that restart the pods of a chain a few at a time.
    Paced {
        /// How many nodes of a chain may be unavailable meanwhile.
        max_unavailable: NonZeroU32,
    },
}

impl SidecarRollout {
    /// How many nodes of a chain may be unavailable; `None` if no pod is restarted for these images alone.
    pub fn max_unavailable(self) -> Option<NonZeroU32> {
        match self {
            Self::WithImage => None,
            Self::Paced { max_unavailable } => Some(max_unavailable),
        }
    }

    pub(crate) fn read(settings: &mut Reader<'_>) -> Self {
        let max_unavailable = match settings.optional(MAX_UNAVAILABLE) {
            None => NonZeroU32::MIN,
            Some(text) => text.parse().unwrap_or_else(|_| {
                settings
                    .wrong
                    .push(format!("{MAX_UNAVAILABLE} is {text:?}: write a number of nodes, at least 1"));
                NonZeroU32::MIN
            }),
        };
        match settings.optional(ROLLOUT).as_deref() {
            None | Some("WithImage") => Self::WithImage,
            Some("Paced") => Self::Paced { max_unavailable },
            Some(text) => {
                settings.wrong.push(format!("{ROLLOUT} is {text:?}: write WithImage or Paced"));
                Self::WithImage
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(rollout: &str, max_unavailable: &str) -> (SidecarRollout, usize) {
        let settings = [(ROLLOUT, rollout), (MAX_UNAVAILABLE, max_unavailable)];
        let settings: BTreeMap<_, _> =
            settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let mut reader = Reader { settings: &settings, wrong: Vec::new() };
        (SidecarRollout::read(&mut reader), reader.wrong.len())
    }

    #[test]
    fn rollouts_are_disabled_by_default_and_otherwise_one_node_at_a_time() {
        let paced = |nodes| SidecarRollout::Paced { max_unavailable: NonZeroU32::new(nodes).unwrap() };
        assert_eq!(read("", ""), (SidecarRollout::WithImage, 0));
        assert_eq!(read("WithImage", "3"), (SidecarRollout::WithImage, 0));
        assert_eq!(read("Paced", ""), (paced(1), 0));
        assert_eq!(read("Paced", "3"), (paced(3), 0));
        assert_eq!(read("Immediate", "0").1, 2);
        for wrong in ["-1", "1.5", "20%"] {
            assert_eq!(read("Paced", wrong), (paced(1), 1), "{wrong}");
        }
    }
}
