//! Decodes stored values that the types do not allow: objects that another version of the CRD or the Go
//! controller admitted. One object that cannot be decoded would fail the LIST of all of them, so every value
//! that a server can store is decoded, and invalid ones are reported by name later.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, Visitor},
};
use serde_json::Value;

/// Any JSON number. One that is out of range becomes the nearest value in range: an API server does not
/// enforce `format`, and `1e30` is an integer to it.
pub(super) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Integer::deserialize(deserializer).map(|Integer(number)| number)
}

/// [`integer`] for an optional field.
pub(super) fn optional_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = Option::<Integer>::deserialize(deserializer)?;
    Ok(number.map(|Integer(number)| number))
}

/// A time that counts as absent if it cannot be parsed, such as one in the year 10000.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}

/// The members of a list that can be decoded.
pub(super) fn readable_items<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let list = Option::<Vec<Value>>::deserialize(deserializer)?;
    Ok(list.map(|items| items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect()))
}

/// Implements `Serialize` and `Deserialize` of a spec that derives them with `remote = "Self"`. The Go
/// controller's CRDs admit objects without spec: they are decoded as an empty one, which is reported by name.
macro_rules! absent_is_default {
    ($spec:ident) => {
        impl<'de> Deserialize<'de> for $spec {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Present($spec);
                impl<'de> Deserialize<'de> for Present {
                    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                        $spec::deserialize(deserializer).map(Self)
                    }
                }
                Ok(Option::<Present>::deserialize(deserializer)?
                    .map(|Present(spec)| spec)
                    .unwrap_or_default())
            }
        }

        impl Serialize for $spec {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Self::serialize(self, serializer)
            }
        }
    };
}

pub(super) use absent_is_default;

struct Integer(i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number).map(Self)
    }
}

struct Number;

impl Visitor<'_> for Number {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        Ok(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
        // Saturating cast.
        Ok(number as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_json_number_is_an_integer() {
        for (text, expected) in [
            ("0", 0),
            ("-7", -7),
            ("99999999999", 99_999_999_999),
            ("1e6", 1_000_000),
            ("18446744073709551615", i64::MAX),
            ("1e30", i64::MAX),
            ("-1e30", i64::MIN),
        ] {
            let Integer(number) = serde_json::from_str(text).unwrap();
            assert_eq!(number, expected, "{text}");
        }
        assert!(serde_json::from_str::<Integer>("\"1\"").is_err());
    }
}
