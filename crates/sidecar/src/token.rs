//! The bearer token for a sidecar's proxy: where it comes from, and how printing it is prevented.

use std::{fmt, path::PathBuf, pin::Pin};

use http::HeaderValue;

use crate::Error;

/// A bearer token. Its text is only sent, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(HeaderValue);

impl Token {
    /// Creates a token; `None` if the text is not a valid HTTP header value.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut header =
            HeaderValue::from_str(&format!("Bearer {text}")).ok().filter(|_| !text.is_empty())?;
        header.set_sensitive(true);
        Some(Self(header))
    }

    /// The value of the `Authorization` header, marked as sensitive.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A future that resolves to a token.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<Token, Error>> + Send + 'a>>;

/// Where the token for a sidecar comes from.
pub trait TokenSource: Send + Sync {
    /// The token to send. `refused` is one that the sidecar has just answered with 401: a source that caches
    /// tokens must not return it again without renewing it.
    fn token<'a>(&'a self, refused: Option<&'a Token>) -> TokenFuture<'a>;
}

/// A token file, read for each use: the kubelet renews projected tokens.
#[derive(Clone, Debug)]
pub struct TokenFile(PathBuf);

impl TokenFile {
    /// Creates a source that reads this file.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    async fn read(&self) -> Result<Token, Error> {
        let bad = |why: String| Error::Token { why: format!("token file {}: {why}", self.0.display()) };
        let text = tokio::fs::read_to_string(&self.0).await.map_err(|error| bad(error.to_string()))?;
        Token::new(&text).ok_or_else(|| bad("it is empty, or not one line of text".to_owned()))
    }
}

impl TokenSource for TokenFile {
    fn token<'a>(&'a self, _: Option<&'a Token>) -> TokenFuture<'a> {
        Box::pin(self.read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_printed() {
        let token = Token::new(" secret\n").unwrap();
        assert_eq!(token.header().to_str().unwrap(), "Bearer secret");
        assert!(!format!("{token:?} {:?}", token.header()).contains("secret"));
        assert_eq!((Token::new(""), Token::new("two\nlines")), (None, None));
    }
}
