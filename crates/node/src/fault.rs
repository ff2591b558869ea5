//! Faults of a spec: mistakes that the types and the rules of the API server cannot express, that were not checked when
//! the object was stored, or that are in a file that no API server has validated.

use crate::{ImageError, ImageReference, Part};

/// What is wrong with a spec. The text names the field and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// A required field is not set.
    #[error("{field} is missing: {instead}")]
    Missing {
        /// Path of the field.
        field: &'static str,
        /// What to write.
        instead: &'static str,
    },
    /// Not exactly one of several fields is set.
    #[error("exactly one of {fields} must be set in {parent}, not {set}")]
    NotExactlyOne {
        /// Path of the object.
        parent: String,
        /// The fields.
        fields: &'static str,
        /// How many are set.
        set: usize,
    },
    /// Two fields that exclude or require each other.
    #[error("{field} {conflict}")]
    Conflict {
        /// Path of the field.
        field: &'static str,
        /// Why it is invalid, and how to fix it.
        conflict: &'static str,
    },
    /// An invalid value.
    #[error("{field} is {value:?}: write {wanted}")]
    BadValue {
        /// Path of the field.
        field: String,
        /// The value.
        value: String,
        /// What is allowed.
        wanted: &'static str,
    },
    /// More text than a SeiNode has room for, since the plan in its status repeats it.
    #[error("{field} has {bytes} bytes: at most {TEXT_LIMIT} are possible")]
    TooLarge {
        /// Path of the field.
        field: &'static str,
        /// Its size.
        bytes: usize,
    },
    /// A text that is not an image reference.
    #[error("{field} is {value:?}, which is not an image reference: {source}")]
    BadImage {
        /// Path of the field.
        field: &'static str,
        /// The value.
        value: String,
        /// What is wrong with it.
        source: ImageError,
    },
    /// One Secret that is used for two purposes.
    #[error(
        "{field} and {other} name the same Secret {secret:?}: use two Secrets, so that each container gets only its own data"
    )]
    SharedSecret {
        /// Path of one reference.
        field: &'static str,
        /// Path of the other.
        other: &'static str,
        /// The Secret.
        secret: String,
    },
    /// A key that the Sei configuration does not have.
    #[error("spec.overrides has {key:?}, which is not a key of the Sei configuration{}", nearest.map(|key| format!("; did you mean {key:?}?")).unwrap_or_else(|| "; docs/reference/overrides.md lists them".to_owned()))]
    UnknownOverride {
        /// The key.
        key: String,
        /// A known key that is close to it.
        nearest: Option<&'static str>,
    },
    /// A key that is determined by the spec or by how the pod is built.
    #[error("spec.overrides[{key:?}] cannot be set: {instead}")]
    ManagedOverride {
        /// The key.
        key: String,
        /// What determines it.
        instead: &'static str,
    },
    /// A password in a field that many people can read. It is not repeated here.
    #[error(
        "spec.overrides[{key:?}] contains a password that anyone who can read SeiNodes could read: \
         use a connection string without one, such as with a client certificate or trusted hosts"
    )]
    PasswordInOverride {
        /// The key.
        key: String,
    },
}

impl SpecError {
    pub(crate) fn bad_value(field: impl Into<String>, value: &str, wanted: &'static str) -> Self {
        Self::BadValue { field: field.into(), value: shown(value), wanted }
    }
}

/// Maximum size of a field that the plan in the status repeats, in bytes. etcd stores objects of 1.5 MiB at most, and an
/// annotation of kubectl may repeat the spec once more.
const TEXT_LIMIT: usize = 256 << 10;

/// Maximum length of a value in a message, in bytes.
const SHOWN: usize = 200;

/// A key or value of a spec as messages repeat it: truncated, since a spec has room for megabytes.
pub(crate) fn shown(text: &str) -> String {
    match text.len() <= SHOWN {
        true => text.to_owned(),
        false => format!("{}…", &text[..text.floor_char_boundary(SHOWN)]),
    }
}

/// A fault of a spec, and the part of the node that it affects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Fault {
    /// The part that cannot be built while the fault exists.
    pub part: Part,
    /// What is wrong.
    pub error: SpecError,
}

/// Collects faults.
#[derive(Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, part: Part, error: SpecError) {
        self.0.push(Fault { part, error });
    }

    /// Adds a fault if the texts of a field are too large in total.
    pub(crate) fn too_large<'a>(
        &mut self,
        part: Part,
        field: &'static str,
        texts: impl Iterator<Item = &'a String>,
    ) {
        let bytes = texts.map(String::len).sum();
        if bytes > TEXT_LIMIT {
            self.push(part, SpecError::TooLarge { field, bytes });
        }
    }

    /// Adds a fault unless exactly one of `fields` is set.
    pub(crate) fn exactly_one(&mut self, part: Part, parent: &str, fields: &'static str, set: &[bool]) {
        let set = set.iter().filter(|set| **set).count();
        if set != 1 {
            self.push(part, SpecError::NotExactlyOne { parent: parent.to_owned(), fields, set });
        }
    }

    /// The image reference in `text`; `None` if absent or empty.
    pub(crate) fn image<'a>(
        &mut self,
        part: Part,
        field: &'static str,
        text: Option<&'a str>,
    ) -> Option<ImageReference<'a>> {
        let text = text.filter(|text| !text.is_empty())?;
        let image = ImageReference::parse(text);
        image
            .map_err(|source| self.push(part, SpecError::BadImage { field, value: shown(text), source }))
            .ok()
    }
}
