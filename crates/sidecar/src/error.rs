//! Errors of requests to a sidecar. There is one variant for each case that callers handle differently.

/// Why a request to a sidecar failed. Messages never contain a token or a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The address of the sidecar is invalid.
    #[error("sidecar address {url:?} cannot be used: {why}")]
    BadUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The connection could not be established, or it broke.
    #[error("sidecar {url} cannot be reached: {why}")]
    Unreachable {
        /// The requested URL.
        url: String,
        /// The network error.
        why: String,
    },
    /// No complete response within the deadline.
    #[error("sidecar {url} did not respond within {seconds} s")]
    Timeout {
        /// The requested URL.
        url: String,
        /// The deadline.
        seconds: u64,
    },
    /// The server's certificate is not trusted, not for this name, or not valid now.
    #[error(
        "sidecar {url} presents a certificate that is not trusted: {why}; it must be the certificate in the Secret of spec.sidecar.tls"
    )]
    Untrusted {
        /// The requested URL.
        url: String,
        /// The verifier's reason.
        why: String,
    },
    /// Status 401, even with a freshly read token.
    #[error(
        "sidecar {url} returned 401: its proxy does not accept the operator's token; check the token's audience and that the proxy may make TokenReviews"
    )]
    Unauthorized {
        /// The requested URL.
        url: String,
    },
    /// Status 403.
    #[error(
        "sidecar {url} returned 403: {message}; the operator's ServiceAccount needs create and get on seinodetasks.sei.io"
    )]
    Forbidden {
        /// The requested URL.
        url: String,
        /// The proxy's message.
        message: String,
    },
    /// Status 400.
    #[error("{message}")]
    BadRequest {
        /// What the sidecar refuses.
        refusal: RefusalKind,
        /// The sidecar's message.
        message: String,
    },
    /// A status that the API does not define.
    #[error("sidecar {url} returned {code}: {body}")]
    UnexpectedStatus {
        /// The requested URL.
        url: String,
        /// HTTP status.
        code: u16,
        /// Beginning of the body.
        body: String,
    },
    /// A response that does not conform to the API.
    #[error("sidecar {url} sent a response that cannot be decoded: {why}")]
    Undecodable {
        /// The requested URL.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// No token is available.
    #[error("no token for the sidecar: {why}")]
    Token {
        /// The reason.
        why: String,
    },
    /// The lease was not renewed in time, so nothing is submitted.
    #[error(
        "request to {url} not sent: the lease was not renewed in time, and another replica may be the leader"
    )]
    NotLeading {
        /// The requested URL.
        url: String,
    },
}

impl Error {
    /// The kind of error, as a label of metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::BadUrl { .. } => "bad_url",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Untrusted { .. } => "untrusted",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::BadRequest { .. } => "bad_request",
            Self::UnexpectedStatus { .. } => "unexpected_status",
            Self::Undecodable { .. } => "undecodable",
            Self::Token { .. } => "token",
            Self::NotLeading { .. } => "not_leading",
        }
    }
}

/// Why a sidecar returns 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The task type is unknown.
    UnknownTask,
    /// The task's ID is not a UUID. The sidecar checks it after the type.
    BadId,
    /// The request is malformed.
    Malformed,
    /// Any other reason: the sidecar also returns 400 when its store fails.
    Other,
}

impl RefusalKind {
    /// The API has no error codes, only one message for each reason.
    pub(crate) fn read(message: &str) -> Self {
        let is = |text| message.contains(text);
        if is("unknown task type") {
            Self::UnknownTask
        } else if is("must be a valid UUID") {
            Self::BadId
        } else if is("invalid request body") || is("type is required") {
            Self::Malformed
        } else {
            Self::Other
        }
    }
}
