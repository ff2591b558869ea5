//! Releases of the sidecar, as far as they are known from the tag of its image.

use std::fmt;

/// A release of seictl: `[major, minor, patch]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SidecarRelease(pub [u32; 3]);

impl SidecarRelease {
    /// The first that works behind a proxy and accepts overrides of a genesis.
    pub const V50: Self = Self([0, 0, 50]);
    /// The first that accepts RPC servers as witnesses of state sync.
    pub const V55: Self = Self([0, 0, 55]);
    /// The first that uses HTTPS for witnesses on port 443.
    pub const V61: Self = Self([0, 0, 61]);

    /// The release in the tag of an image, such as `v0.0.50`. A tag that is not a version is ignored.
    pub fn of_image(image: &str) -> Option<Self> {
        let name = image.split('@').next()?.rsplit('/').next()?;
        let tag = name.split_once(':')?.1.strip_prefix('v')?;
        let mut parts = tag.split('-').next()?.split('.').map(|part| part.parse().ok());
        let release = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(Self(release))
    }

    /// Whether an image is known to be of an earlier release than this one.
    pub fn is_after(self, image: &str) -> bool {
        Self::of_image(image).is_some_and(|release| release < self)
    }
}

impl fmt::Display for SidecarRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "v{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_only_from_tags() {
        for (image, expected) in [
            ("ghcr.io/sei-protocol/seictl:v0.0.49", Some([0, 0, 49])),
            ("host:5000/seictl:v1.2.3-rc.1", Some([1, 2, 3])),
            ("seictl:v0.0.50@sha256:abcd", Some([0, 0, 50])),
            ("host:5000/seictl", None),
            ("seictl:main", None),
            ("seictl:v1.2", None),
        ] {
            assert_eq!(SidecarRelease::of_image(image).map(|release| release.0), expected, "{image}");
        }
        assert!(
            SidecarRelease::V55.is_after("seictl:v0.0.54") && !SidecarRelease::V55.is_after("seictl:main")
        );
        assert_eq!(SidecarRelease::V55.to_string(), "v0.0.55");
    }
}
