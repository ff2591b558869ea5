//! How a change of the template is rolled out to the SeiNodes of a group.

use std::time::Duration;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::v1alpha1::{
    lenient,
    schema::{self, INTEGER_MAX},
};

/// Default of `scaleDownDelaySeconds`: routers need seconds to follow a Service.
const SCALE_DOWN_DELAY: Duration = Duration::from_secs(30);

/// How a change of the template is rolled out to the existing SeiNodes. Absent: `InPlace`, one unavailable node at a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = (
        "self.type != 'HardFork' || (has(self.hardFork) && self.hardFork.haltHeight > 0)",
        "hardFork strategy requires haltHeight > 0",
    )
)]
pub struct UpdateStrategy {
    /// `InPlace` updates the existing SeiNodes, `BlueGreen` replaces full nodes with new ones that have caught up, `HardFork`
    /// updates each node after its seid has halted at a height.
    #[serde(rename = "type", default)]
    pub type_: StrategyType,
    /// Settings of `InPlace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place: Option<InPlaceStrategy>,
    /// Settings of `BlueGreen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blue_green: Option<BlueGreenStrategy>,
    /// Settings of `HardFork`; required for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_fork: Option<HardForkStrategy>,
}

impl UpdateStrategy {
    /// How many of `replicas` nodes an in-place update may make unavailable at the same time, at least one.
    pub fn max_unavailable(&self, replicas: u32) -> u32 {
        let set = self.in_place.as_ref().and_then(|in_place| in_place.max_unavailable.as_ref());
        set.map_or(1, |max| max.of(replicas))
    }

    /// How long SeiNodes that a `BlueGreen` update has replaced are kept.
    pub fn scale_down_delay(&self) -> Duration {
        let set = self.blue_green.as_ref().and_then(|blue_green| blue_green.scale_down_delay_seconds);
        set.and_then(|seconds| u64::try_from(seconds).ok()).map_or(SCALE_DOWN_DELAY, Duration::from_secs)
    }
}

/// Kind of update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StrategyType {
    /// The existing SeiNodes are updated, a few at a time.
    // SeiNodeDeployments created before `updateStrategy` existed may contain Go's empty string.
    #[default]
    #[serde(alias = "")]
    InPlace,
    /// New SeiNodes replace the old ones after they have caught up.
    BlueGreen,
    /// The SeiNodes run until their seid halts at a height, and continue with the new image.
    HardFork,
    /// A value that this version does not know, written by a later version.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// Settings of `InPlace`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InPlaceStrategy {
    /// How many SeiNodes an update may make unavailable at the same time: a number, or a percentage of
    /// `replicas`, rounded down but at least one. Absent: 1. A SeiNode that is already unavailable is updated
    /// immediately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::number_or_percent")]
    pub max_unavailable: Option<MaxUnavailable>,
}

/// Settings of `BlueGreen`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlueGreenStrategy {
    /// How long replaced SeiNodes are kept after the traffic has moved, in seconds. While they exist, reverting the template
    /// moves the traffic back immediately. Absent: 30, to drain connections.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(with = "Option<i32>", range(min = 0, max = 604_800))]
    pub scale_down_delay_seconds: Option<i64>,
}

/// A number or a percentage of nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MaxUnavailable {
    /// A number.
    Number(#[serde(deserialize_with = "lenient::integer")] i64),
    /// A percentage, such as `25%`.
    Percent(String),
}

impl MaxUnavailable {
    /// Resolves it to a number of nodes out of `replicas`, at least one.
    fn of(&self, replicas: u32) -> u32 {
        let number = match self {
            Self::Number(number) => *number,
            Self::Percent(text) => {
                let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
                percent.clamp(0, 100) * i64::from(replicas) / 100
            }
        };
        u32::try_from(number.max(1)).unwrap_or(u32::MAX)
    }
}

/// Settings of `HardFork`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HardForkStrategy {
    /// Height of the chain's upgrade plan, at which the old image halts: the first block that the new image executes.
    /// Each SeiNode keeps its image until its seid has halted there.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(range(min = 1, max = INTEGER_MAX))]
    pub halt_height: i64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn max_unavailable_is_a_number_or_a_percentage_and_at_least_one() {
        for (value, replicas, expected) in [
            (json!({}), 10, 1),
            (json!({ "maxUnavailable": 3 }), 10, 3),
            (json!({ "maxUnavailable": "25%" }), 10, 2),
            (json!({ "maxUnavailable": "100%" }), 7, 7),
            (json!({ "maxUnavailable": "1%" }), 3, 1),
            (json!({ "maxUnavailable": 0 }), 3, 1),
            (json!({ "maxUnavailable": "many" }), 3, 1),
        ] {
            let strategy = json!({ "type": "InPlace", "inPlace": value });
            let strategy: UpdateStrategy = serde_json::from_value(strategy).unwrap();
            assert_eq!(strategy.max_unavailable(replicas), expected, "{value}");
        }
    }

    #[test]
    fn an_empty_strategy_means_in_place() {
        for stored in [json!({}), json!({ "type": "" }), json!({ "type": "InPlace" })] {
            let strategy: UpdateStrategy = serde_json::from_value(stored).unwrap();
            assert_eq!(strategy.type_, StrategyType::InPlace);
        }
    }
}
