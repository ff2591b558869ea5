//! Which images a SeiNode may use, if the platform limits them.

use sei_node::ImageReference;

use crate::RenderError;

/// Repositories, or path prefixes of repositories that end in `/`. Empty allows every image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AllowedImages(Vec<String>);

impl AllowedImages {
    /// Parses a comma-separated list.
    pub(crate) fn parse(list: &str) -> Self {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Self(entries.map(str::to_owned).collect())
    }

    /// Rejects the first of `images`, each with its field, that is not allowed.
    pub(crate) fn check<'a>(
        &self,
        images: impl IntoIterator<Item = (&'static str, ImageReference<'a>)>,
    ) -> Result<(), RenderError> {
        let refused = images.into_iter().find(|(_, image)| !self.allows(*image));
        refused.map_or(Ok(()), |(field, image)| {
            Err(RenderError::ImageNotAllowed { field, image: image.to_string(), allowed: self.0.join(", ") })
        })
    }

    fn allows(&self, image: ImageReference<'_>) -> bool {
        let repository = image.repository();
        let matches =
            |entry: &String| repository == entry || (entry.ends_with('/') && repository.starts_with(entry));
        self.0.is_empty() || self.0.iter().any(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(allowed: &AllowedImages, image: &str) -> bool {
        allowed.allows(ImageReference::parse(image).unwrap())
    }

    #[test]
    fn an_image_is_allowed_by_its_full_repository_or_by_a_prefix() {
        let allowed = AllowedImages::parse("registry:5000/sei/seid, ghcr.io/sei-protocol/");
        let digest = "0".repeat(64);
        for image in [
            "registry:5000/sei/seid",
            "registry:5000/sei/seid:v1",
            &format!("registry:5000/sei/seid:v1@sha256:{digest}"),
            &format!("ghcr.io/sei-protocol/sei@sha256:{digest}"),
        ] {
            assert!(allows(&allowed, image), "{image}");
        }
        for image in [
            "registry:5000/sei/seid-evil:v1",
            "registry:5000/sei",
            "seid",
            "ghcr.io/sei-protocol",
            "ghcr.io/sei-protocol-evil/sei",
            "evil/ghcr.io/sei-protocol/sei",
        ] {
            assert!(!allows(&allowed, image), "{image}");
        }
        assert!(allows(&AllowedImages::parse(""), "anything"));
    }
}
