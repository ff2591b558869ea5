//! Credentials and endpoint, named as the environment variables of the AWS SDKs.

use std::collections::BTreeMap;

use http::Uri;
use object_store::aws::AmazonS3ConfigKey as Key;

/// The supported variables and their meaning.
const CREDENTIALS: &[(&str, Key)] = &[
    ("AWS_ACCESS_KEY_ID", Key::AccessKeyId),
    ("AWS_SECRET_ACCESS_KEY", Key::SecretAccessKey),
    ("AWS_SESSION_TOKEN", Key::Token),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", Key::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", Key::RoleArn),
    ("AWS_ROLE_SESSION_NAME", Key::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", Key::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Key::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", Key::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Key::ContainerAuthorizationTokenFile),
];
/// Sets of variables, at least one of which must be complete: static keys, a web identity (IRSA), a pod identity, an
/// ECS task. The credentials of the machine (instance metadata) are never used: they were not granted to the operator.
const WHOLE: &[&[&str]] = &[
    &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    &["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"],
    &["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"],
    &["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"],
];
/// The endpoint; the more specific variable comes first.
const ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];

/// A setting that is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A variable that has no meaning without another one.
    #[error("{set} is set without {missing}: set both, or neither to skip checking the bucket")]
    Incomplete {
        /// The variable that is set.
        set: &'static str,
        /// The one that is missing.
        missing: &'static str,
    },
    /// The endpoint is not a valid endpoint URL.
    #[error("{name} is {value:?}: write http://HOST:PORT or https://HOST:PORT")]
    BadEndpoint {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The client rejects the settings.
    #[error("the settings of the object store cannot be used: {0}")]
    Refused(String),
}

/// Settings of the client.
#[derive(PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) credentials: Vec<(Key, String)>,
    pub(crate) endpoint: Option<Endpoint>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    /// Explicitly requested with an `http://` URL; otherwise nothing is sent without TLS.
    pub(crate) is_plain: bool,
}

/// Reads the settings from `variables`; `None` if they contain no credentials.
pub(crate) fn read(variables: &BTreeMap<String, String>) -> Result<Option<Settings>, SettingsError> {
    let get = |name: &str| variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    for (set, missing) in [(id, secret), (secret, id)] {
        if get(set).is_some() && get(missing).is_none() {
            return Err(SettingsError::Incomplete { set, missing });
        }
    }
    let endpoint = ENDPOINTS.iter().find_map(|name| Some((*name, get(name)?)));
    let endpoint = endpoint.map(|(name, value)| endpoint_of(name, value)).transpose()?;
    if !WHOLE.iter().any(|set| set.iter().all(|name| get(name).is_some())) {
        return Ok(None);
    }
    let credentials =
        CREDENTIALS.iter().filter_map(|(name, key)| Some((*key, get(name)?.to_owned()))).collect();
    Ok(Some(Settings { credentials, endpoint }))
}

fn endpoint_of(name: &'static str, value: &str) -> Result<Endpoint, SettingsError> {
    let bad = || SettingsError::BadEndpoint { name, value: value.to_owned() };
    let uri: Uri = value.parse().map_err(|_| bad())?;
    let is_plain = match uri.scheme_str() {
        Some("http") => true,
        Some("https") => false,
        _ => return Err(bad()),
    };
    let has_more = uri.query().is_some() || !matches!(uri.path(), "" | "/");
    match has_more || uri.host().is_none_or(str::is_empty) {
        true => Err(bad()),
        false => Ok(Endpoint { url: value.to_owned(), is_plain }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(variables: &[(&str, &str)]) -> Result<Option<Settings>, SettingsError> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(&variables.collect())
    }

    #[test]
    fn a_complete_set_of_credentials_is_required() {
        let irsa = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/a")];
        let pod = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token"),
        ];
        let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        for set in [irsa, pod, keys] {
            assert!(read_all(&set).unwrap().is_some(), "{set:?}");
        }
        assert!(read_all(&[]).unwrap().is_none());
        assert!(read_all(&[("AWS_REGION", "us-east-2"), irsa[0]]).unwrap().is_none());
        assert!(read_all(&[("AWS_ACCESS_KEY_ID", " "), ("AWS_SECRET_ACCESS_KEY", "")]).unwrap().is_none());
        let half = read_all(&keys[1..]).err().unwrap().to_string();
        assert!(half.starts_with("AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID"), "{half}");
    }

    #[test]
    fn the_scheme_of_the_endpoint_decides_whether_tls_is_used() {
        assert_eq!(
            endpoint_of("AWS_ENDPOINT_URL_S3", "http://minio.storage:9000"),
            Ok(Endpoint { url: "http://minio.storage:9000".to_owned(), is_plain: true })
        );
        assert!(endpoint_of("AWS_ENDPOINT_URL_S3", "https://s3.example/").is_ok_and(|it| !it.is_plain));
        for bad in ["minio:9000", "s3://bucket", "https://", "https://host/bucket", "https://host?x", "a b"] {
            assert!(endpoint_of("AWS_ENDPOINT_URL_S3", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_s3_endpoint_takes_precedence_over_the_general_one() {
        let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        let both =
            [("AWS_ENDPOINT_URL", "https://all"), ("AWS_ENDPOINT_URL_S3", "http://s3"), keys[0], keys[1]];
        let settings = read_all(&both).unwrap().unwrap();
        assert_eq!(settings.endpoint.unwrap().url, "http://s3");
    }
}
