//! Which images a SeiNode may use, if the platform limits them.

use sei_node::ImageReference;

use crate::{RenderError, settings::Reader};

/// Repositories, or path prefixes of repositories that end in `/`. Empty allows every image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AllowedImages(Vec<String>);

impl AllowedImages {
    pub(crate) fn read(settings: &mut Reader<'_>) -> Self {
        const WHAT: &str = "repositories without tags such as ghcr.io/sei-protocol/sei, or beginnings of repositories that end in \
            '/' such as ghcr.io/sei-protocol/";
        Self(settings.list("SEI_ALLOWED_IMAGES", WHAT, is_entry))
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

/// Whether an image can be of this repository, or of one that begins with it.
fn is_entry(text: &str) -> bool {
    let example = if text.ends_with('/') { format!("{text}seid") } else { text.to_owned() };
    ImageReference::parse(&example).is_ok_and(|image| image.repository() == example)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn parsed(list: &str) -> Result<AllowedImages, Vec<String>> {
        let settings = BTreeMap::from([("SEI_ALLOWED_IMAGES".to_owned(), list.to_owned())]);
        let mut reader = Reader { settings: &settings, wrong: Vec::new() };
        let allowed = AllowedImages::read(&mut reader);
        if reader.wrong.is_empty() { Ok(allowed) } else { Err(reader.wrong) }
    }

    fn allows(allowed: &AllowedImages, image: &str) -> bool {
        allowed.allows(ImageReference::parse(image).unwrap())
    }

    #[test]
    fn an_image_is_allowed_by_its_full_repository_or_by_a_prefix() {
        let allowed = parsed("registry:5000/sei/seid, ghcr.io/sei-protocol/").unwrap();
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
        assert!(allows(&parsed("").unwrap(), "anything"));
    }

    #[test]
    fn a_list_that_allows_every_or_no_image_by_mistake_is_refused() {
        for list in
            [",", " , ", "/", "seid,/", "ghcr.io/sei-protocol/*", "https://ghcr.io/sei/", "seid:v1", "seid//"]
        {
            let wrong = parsed(list).unwrap_err();
            assert!(wrong[0].starts_with("SEI_ALLOWED_IMAGES is"), "{list}: {wrong:?}");
        }
        for list in ["seid,", "registry:5000/", "ghcr.io/", "seid, ,other/seid"] {
            assert!(parsed(list).is_ok(), "{list}");
        }
    }
}
