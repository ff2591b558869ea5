//! Tokens for sidecars. In a cluster each node's proxy gets one with the node's audience, requested for the
//! operator's ServiceAccount: a token for one node gives no access to another.

use std::{path::PathBuf, sync::Arc, time::Duration};

use k8s_openapi::api::{
    authentication::v1::{SelfSubjectReview, TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, Client, api::PostParams};
use sei_sidecar::{Error, Token, TokenFile, TokenFuture, TokenSource};
use tokio::{
    sync::{Mutex, OnceCell},
    time::{Instant, timeout},
};

/// Requested lifetime, in seconds.
const LIFETIME: i64 = 3600;
/// A token is replaced after this fraction of its lifetime.
const USED: f64 = 0.8;
/// A token that is refused is replaced immediately, unless it is younger than this: a new one would be refused too.
const YOUNG: Duration = Duration::from_secs(30);
const DEADLINE: Duration = Duration::from_secs(10);

/// The tokens of one process. Clones share the cache.
#[derive(Clone)]
pub(crate) enum Tokens {
    /// One file, for every node: for operators outside a cluster.
    File(PathBuf),
    /// Requested from the API server for the ServiceAccount that the operator runs as.
    Requested { client: Client, account: Arc<OnceCell<Account>> },
}

/// A ServiceAccount.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Account {
    namespace: String,
    name: String,
}

impl Account {
    /// The ServiceAccount of a user name.
    fn of_user(user: &str) -> Option<Self> {
        let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
        Some(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl Tokens {
    pub(crate) fn new(client: &Client, file: Option<PathBuf>) -> Self {
        match file {
            Some(path) => Self::File(path),
            None => Self::Requested { client: client.clone(), account: Arc::default() },
        }
    }

    /// Tokens for `audience`.
    pub(super) fn of_audience(&self, audience: &str) -> Arc<dyn TokenSource> {
        match self {
            Self::File(path) => Arc::new(TokenFile::new(path.clone())),
            Self::Requested { client, account } => Arc::new(AudienceTokens {
                client: client.clone(),
                account: Arc::clone(account),
                audience: audience.to_owned(),
                kept: Mutex::default(),
            }),
        }
    }
}

/// The identity of the operator according to the API server.
async fn whoami(client: &Client) -> Result<Account, String> {
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await;
    let review = review.map_err(|error| format!("SelfSubjectReview: {error}"))?;
    let user = review.status.and_then(|status| status.user_info?.username).unwrap_or_default();
    Account::of_user(&user).ok_or_else(|| {
        format!("the operator runs as user {user:?}, which is not a ServiceAccount: set --sidecar-token-file")
    })
}

/// Tokens of one audience, cached until shortly before they expire.
struct AudienceTokens {
    client: Client,
    account: Arc<OnceCell<Account>>,
    audience: String,
    kept: Mutex<Option<CachedToken>>,
}

struct CachedToken {
    token: Token,
    since: Instant,
    lifetime: Duration,
}

impl CachedToken {
    fn is_good(&self, refused: Option<&Token>) -> bool {
        let age = self.since.elapsed();
        age < self.lifetime.mul_f64(USED) && (refused != Some(&self.token) || age < YOUNG)
    }
}

impl AudienceTokens {
    async fn get(&self, refused: Option<&Token>) -> Result<Token, Error> {
        let mut kept = self.kept.lock().await;
        if let Some(good) = kept.as_ref().filter(|kept| kept.is_good(refused)) {
            return Ok(good.token.clone());
        }
        let fresh = timeout(DEADLINE, self.request()).await;
        let fresh = fresh.unwrap_or_else(|_| Err(format!("no response within {} s", DEADLINE.as_secs())));
        let fresh = fresh.map_err(|why| Error::Token {
            why: format!("failed to request one for audience {}: {why}", self.audience),
        })?;
        Ok(kept.insert(fresh).token.clone())
    }

    async fn request(&self) -> Result<CachedToken, String> {
        let account = self.account.get_or_try_init(|| whoami(&self.client)).await?;
        let since = Instant::now();
        let spec = TokenRequestSpec {
            audiences: vec![self.audience.clone()],
            expiration_seconds: Some(LIFETIME),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &account.namespace);
        let answer = accounts.create_token_request(&account.name, &PostParams::default(), &request).await;
        let answer = answer.map_err(|error| {
            format!("TokenRequest for ServiceAccount {}/{}: {error}", account.namespace, account.name)
        })?;
        let status = answer.status.ok_or("the API server returned no token")?;
        let token = Token::new(&status.token).ok_or("the API server returned no token")?;
        // The server may grant a different lifetime than requested.
        let until = status.expiration_timestamp.0.duration_since(jiff::Timestamp::now());
        let lifetime = Duration::try_from(until).unwrap_or_default();
        Ok(CachedToken { token, since, lifetime })
    }
}

impl TokenSource for AudienceTokens {
    fn token<'a>(&'a self, refused: Option<&'a Token>) -> TokenFuture<'a> {
        Box::pin(self.get(refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_service_accounts_can_request_tokens() {
        let account = Account { namespace: "sei".to_owned(), name: "operator".to_owned() };
        assert_eq!(Account::of_user("system:serviceaccount:sei:operator"), Some(account));
        assert_eq!(Account::of_user("kubernetes-admin"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_reused_until_shortly_before_expiry_and_replaced_when_rejected() {
        let kept = CachedToken {
            token: Token::new("one").unwrap(),
            since: Instant::now(),
            lifetime: Duration::from_secs(100),
        };
        let (refused, other) = (kept.token.clone(), Token::new("other").unwrap());
        let good = |refused| kept.is_good(refused);
        assert!(good(None) && good(Some(&other)));
        assert!(good(Some(&refused)), "a new token would be refused too");
        tokio::time::advance(Duration::from_secs(31)).await;
        assert!(good(None) && good(Some(&other)) && !good(Some(&refused)));
        tokio::time::advance(Duration::from_secs(50)).await;
        assert!(!good(None), "it expires soon");
    }
}
