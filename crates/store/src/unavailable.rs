//! Why a query of a bucket failed, in a message that does not change while the cause is the same: it is shown in a
//! status, which must not be rewritten because of a new request ID or another duration.

use std::{error::Error, iter, time::Duration};

/// A query of a bucket that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bucket {bucket} could not be queried: {why}")]
pub struct Unavailable {
    bucket: String,
    why: String,
}

impl Unavailable {
    pub(crate) fn new(bucket: &str, error: &object_store::Error) -> Self {
        Self { bucket: bucket.to_owned(), why: reason(error) }
    }

    pub(crate) fn silent(bucket: &str, limit: Duration) -> Self {
        Self { bucket: bucket.to_owned(), why: format!("no response within {} s", limit.as_secs()) }
    }
}

/// The error code of the store, or else the root cause.
fn reason(error: &object_store::Error) -> String {
    let chain = iter::successors(Some(error as &(dyn Error + 'static)), |&error| error.source());
    // The messages about the request contain its duration; the cause does not.
    let texts: Vec<_> = chain.map(ToString::to_string).collect();
    let lasting = |text: &&String| !text.contains("Error performing ");
    let text = texts.iter().find(lasting).or(texts.last()).map_or("", String::as_str);
    match code(text) {
        Some("AccessDenied") => "AccessDenied: the operator needs permission s3:ListBucket on it".to_owned(),
        Some(code) => code.to_owned(),
        None => {
            let line = text.lines().next().unwrap_or_default();
            line.trim_start_matches("HTTP error: ").chars().take(300).collect()
        }
    }
}

/// The error code in a response of S3 or STS, which is XML.
fn code(text: &str) -> Option<&str> {
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    (!code.is_empty() && code.chars().all(|c| c.is_ascii_alphanumeric())).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_reported_by_its_error_code() {
        let body = "403 Forbidden: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><RequestId>7</RequestId></Error>";
        assert_eq!(code(body), Some("SignatureDoesNotMatch"));
        assert_eq!(code("<Code>a b</Code>"), None);
        assert_eq!(code("<Code>"), None);
    }
}
