//! Releases of the sidecar, and the capabilities of each.

use std::{fmt, str::FromStr};

use anyhow::Context;

/// Release v0.0.N of seictl, by its N.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u16);

/// Task types that not every release supports, with the first and the last one that does.
const LIMITED: &[(&str, u16, u16)] = &[
    ("discover-peers", 47, 56),
    ("gov-vote", 50, u16::MAX),
    ("gov-software-upgrade", 50, u16::MAX),
    ("restart-seid", 56, u16::MAX),
    ("gov-param-change", 58, u16::MAX),
    ("evm-logical-digest", 60, u16::MAX),
    ("mark-not-ready", 64, u16::MAX),
    ("stop-seid", 64, u16::MAX),
    ("reset-data", 64, u16::MAX),
    ("snapshot-upload-once", 66, u16::MAX),
];
/// Task types of every release.
const ALWAYS: &[&str] = &[
    "snapshot-restore",
    "configure-genesis",
    "config-apply",
    "config-patch",
    "config-validate",
    "config-reload",
    "configure-state-sync",
    "mark-ready",
    "snapshot-upload",
    "result-export",
    "await-condition",
    "generate-identity",
    "generate-gentx",
    "upload-genesis-artifacts",
    "assemble-and-upload-genesis",
    "set-genesis-peers",
];

impl Generation {
    /// The oldest release that the operator supports.
    pub const V47: Self = Self(47);
    /// Authentication by header, `/v0/startupz`, governance tasks.
    pub const V50: Self = Self(50);
    /// Configuration schema 2.
    pub(super) const V54: Self = Self(54);
    /// `configure-state-sync` takes witnesses.
    pub(super) const V55: Self = Self(55);
    /// `restart-seid`; the last with `discover-peers`.
    pub const V56: Self = Self(56);
    /// The first without `discover-peers`.
    pub const V57: Self = Self(57);
    /// Records have results.
    pub const V59: Self = Self(59);
    /// Tasks survive SIGTERM, and failed tasks have results.
    pub const V61: Self = Self(61);
    /// Holds: `mark-not-ready`, `stop-seid`, `reset-data`.
    pub const V64: Self = Self(64);
    /// `snapshot-upload-once`; DELETE cancels the handler.
    pub const V66: Self = Self(66);
    /// A full `config-apply` in mode full splits the EVM store.
    pub const V67: Self = Self(67);
    /// The newest release.
    pub const NEWEST: Self = Self(70);
    /// The releases in which the behavior changes, oldest first.
    pub const ALL: [Self; 10] = [
        Self::V47,
        Self::V50,
        Self::V56,
        Self::V57,
        Self::V59,
        Self::V61,
        Self::V64,
        Self::V66,
        Self::V67,
        Self::NEWEST,
    ];

    /// The release of an image with tag `v0.0.N`; `None` for another tag, or none.
    pub fn of_image(image: &str) -> Option<Self> {
        let name = image.split('@').next()?;
        name.rsplit('/').next()?.split_once(':')?.1.parse().ok()
    }

    /// Whether it has a handler for this task type.
    pub fn knows(self, type_: &str) -> bool {
        let limits = LIMITED.iter().find(|(limited, ..)| *limited == type_);
        match limits {
            Some((_, first, last)) => (*first..=*last).contains(&self.0),
            None => ALWAYS.contains(&type_),
        }
    }

    /// Every task type that some release supports.
    pub fn task_types() -> impl Iterator<Item = &'static str> {
        ALWAYS.iter().copied().chain(LIMITED.iter().map(|(type_, ..)| *type_))
    }

    /// The number N of v0.0.N.
    pub(super) fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v0.0.{}", self.0)
    }
}

impl FromStr for Generation {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let number = text.strip_prefix("v0.0.").and_then(|number| number.parse().ok());
        let number = number.with_context(|| format!("{text:?} is not a release of seictl, v0.0.N"))?;
        anyhow::ensure!(
            (Self::V47.0..=Self::NEWEST.0).contains(&number),
            "{text} is not simulated: {} to {} are",
            Self::V47,
            Self::NEWEST
        );
        Ok(Self(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_supports_its_task_types() {
        let unknown = |generation: Generation| {
            Generation::task_types().filter(|type_| !generation.knows(type_)).collect::<Vec<_>>()
        };
        assert_eq!(unknown(Generation::V47).len(), 9);
        assert_eq!(unknown(Generation::V56).len(), 6);
        assert_eq!(unknown(Generation::NEWEST), ["discover-peers"]);
        assert!(!Generation::V57.knows("discover-peers") && !Generation::V57.knows("dance"));
    }

    #[test]
    fn the_tag_of_an_image_names_its_release() {
        let of = |image| Generation::of_image(image).map(Generation::number);
        assert_eq!(of("ghcr.io/sei-protocol/seictl:v0.0.61@sha256:ab"), Some(61));
        assert_eq!(of("host:5000/seictl:v0.0.50"), Some(50));
        for image in
            ["host:5000/seictl", "seictl@sha256:ab", "seictl:main", "seictl:v0.0.46", "seictl:v0.1.60"]
        {
            assert_eq!(of(image), None, "{image}");
        }
    }
}
