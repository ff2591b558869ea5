//! Why a request to a sidecar came to nothing. The classes are those that a caller treats differently.

/// Why a request to a sidecar came to nothing. Texts never hold a token or a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The address of the sidecar makes no sense.
    #[error("sidecar address {url:?} cannot be used: {why}")]
    BadUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// No connection, or it broke.
    #[error("sidecar {url} cannot be reached: {why}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What the network says.
        why: String,
    },
    /// No complete answer within the deadline.
    #[error("sidecar {url} did not answer within {seconds} s")]
    Timeout {
        /// What was asked.
        url: String,
        /// The deadline.
        seconds: u64,
    },
    /// The server's certificate is not the one that is trusted, not for this name, or not valid now.
    #[error(
        "sidecar {url} presents a certificate that is not trusted: {why}; it must be the certificate in the Secret of spec.sidecar.tls"
    )]
    Untrusted {
        /// What was asked.
        url: String,
        /// What the verifier says.
        why: String,
    },
    /// 401, also with a freshly read token.
    #[error(
        "sidecar {url} returned 401: its proxy does not accept the operator's token; check the token's audience and that the proxy may make TokenReviews"
    )]
    Unauthorized {
        /// What was asked.
        url: String,
    },
    /// 403.
    #[error(
        "sidecar {url} returned 403: {message}; the operator's ServiceAccount needs create and get on seinodetasks.sei.io"
    )]
    Forbidden {
        /// What was asked.
        url: String,
        /// The proxy's words.
        message: String,
    },
    /// 400.
    #[error("{message}")]
    BadRequest {
        /// What it refuses.
        refusal: RefusalKind,
        /// The sidecar's words.
        message: String,
    },
    /// Any other status than those of the API.
    #[error("sidecar {url} answers {code}: {body}")]
    UnexpectedStatus {
        /// What was asked.
        url: String,
        /// HTTP status.
        code: u16,
        /// Begin of the body.
        body: String,
    },
    /// An answer that is not what the API says.
    #[error("sidecar {url} sent a response that cannot be decoded: {why}")]
    Undecodable {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no token to send.
    #[error("no token for the sidecar: {why}")]
    Token {
        /// What is wrong.
        why: String,
    },
    /// The lease was not renewed in time, so nothing is submitted.
    #[error(
        "nothing was submitted to {url}: the lease was not renewed in time, and another replica may lead"
    )]
    NotLeading {
        /// What was asked.
        url: String,
    },
}

/// What a sidecar refuses with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// It does not know the task type.
    UnknownTask,
    /// The id of the task is not a UUID. It is checked after the type.
    BadId,
    /// The request has another shape than it expects.
    Malformed,
    /// Anything else: it answers 400 also when its store fails.
    Other,
}

impl RefusalKind {
    /// The API gives no code, only one text for each.
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
