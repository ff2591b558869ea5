//! Gauges of the chain as seen by each node. They are computed at each scrape, since heights change constantly.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, family::Family, gauge::Gauge},
};
use sei_decide::SeidStatus;

use super::objects::ObjectLabels;
use crate::heights::Heights;

type Value = fn(&SeidStatus) -> Option<i64>;

/// Name, help and value of each. Absent while seid does not respond.
const GAUGES: [(&str, &str, Value); 4] = [
    ("seinode_height", "Height of the latest block of a node", |seid| seid.height.try_into().ok()),
    ("seinode_catching_up", "1 while a node catches up with its chain, else 0", |seid| {
        Some(seid.catching_up.into())
    }),
    ("seinode_latest_block_timestamp_seconds", "Time of the latest block of a node, Unix time", |seid| {
        Some(seid.latest_block?.as_second())
    }),
    ("seinode_peers", "Number of connected peers", |seid| seid.peers?.try_into().ok()),
];

/// Collects the heights of all nodes.
#[derive(Debug)]
pub(super) struct ChainMetrics(pub(super) Heights);

impl Collector for ChainMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let nodes = self.0.all();
        for (name, help, value) in GAUGES {
            let family = Family::<ObjectLabels, Gauge>::default();
            for (namespace, node, seid) in &nodes {
                if let Some(value) = value(seid) {
                    family.get_or_create(&ObjectLabels::of(namespace, node)).set(value);
                }
            }
            family.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}
