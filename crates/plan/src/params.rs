//! Parses stored parameters. The Go controller stored the keys of sidecar tasks capitalized and read them
//! case-insensitively; so does this code.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::TaskError;

/// The stored parameters of one task.
pub(crate) struct Params<'a> {
    pub(crate) task: &'a str,
    pub(crate) value: Option<&'a Value>,
}

impl Params<'_> {
    /// An optional parameter; null counts as absent.
    pub(crate) fn optional<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, TaskError> {
        let fields = match self.value {
            None | Some(Value::Null) => return Ok(T::default()),
            Some(Value::Object(fields)) => fields,
            Some(_) => return Err(self.wrong("params", "they are not an object".to_owned())),
        };
        let found = fields.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null());
        match found {
            None => Ok(T::default()),
            Some((_, value)) => {
                serde_json::from_value(value.clone()).map_err(|error| self.wrong(name, error.to_string()))
            }
        }
    }

    /// A required text.
    pub(crate) fn text(&self, name: &str) -> Result<String, TaskError> {
        let text: String = self.optional(name)?;
        if text.is_empty() { Err(self.wrong(name, "it is missing".to_owned())) } else { Ok(text) }
    }

    fn wrong(&self, field: &str, why: String) -> TaskError {
        TaskError::WrongParam { task: self.task.to_owned(), field: field.to_owned(), why }
    }
}
