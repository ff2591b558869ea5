//! Connects to sidecars at other addresses than their names resolve to, as curl's `--connect-to` does. Only
//! the address changes; the host name in the request and the name that is verified stay the same.

use std::{
    str::FromStr,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tower::Service;

/// One rule `HOST:PORT:ADDRESS:PORT`: connections to the first host and port go to the second. An empty host
/// or port matches any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    host: String,
    port: Option<u16>,
    to: String,
}

/// A rule that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not of the form HOST:PORT:ADDRESS:PORT, where HOST and the first PORT may be empty")]
pub struct BadConnectTo(String);

impl FromStr for ConnectTo {
    type Err = BadConnectTo;

    fn from_str(rule: &str) -> Result<Self, Self::Err> {
        let bad = || BadConnectTo(rule.to_owned());
        let mut parts = rule.splitn(3, ':');
        let (Some(host), Some(port), Some(to)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad());
        };
        let port = match port {
            "" => None,
            port => Some(port.parse().map_err(|_| bad())?),
        };
        let (address, to_port) = to.rsplit_once(':').ok_or_else(bad)?;
        if address.is_empty() || to_port.parse::<u16>().is_err() {
            return Err(bad());
        }
        Ok(Self { host: host.to_owned(), port, to: to.to_owned() })
    }
}

impl ConnectTo {
    fn matches(&self, host: &str, port: u16) -> bool {
        (self.host.is_empty() || self.host.eq_ignore_ascii_case(host))
            && self.port.is_none_or(|wanted| wanted == port)
    }
}

/// Connects to the address of the first matching rule, or else to the address that the name resolves to.
#[derive(Clone)]
pub(crate) struct Router {
    pub(crate) http: HttpConnector,
    pub(crate) rules: Vec<ConnectTo>,
}

impl Service<Uri> for Router {
    type Response = <HttpConnector as Service<Uri>>::Response;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = <HttpConnector as Service<Uri>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(cx)
    }

    fn call(&mut self, asked: Uri) -> Self::Future {
        let to = route(&self.rules, &asked).unwrap_or(asked);
        self.http.call(to)
    }
}

fn route(rules: &[ConnectTo], asked: &Uri) -> Option<Uri> {
    let scheme = asked.scheme_str()?;
    let port = asked.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    let rule = rules.iter().find(|rule| asked.host().is_some_and(|host| rule.matches(host, port)))?;
    let path = asked.path_and_query().map_or("/", |path| path.as_str());
    Uri::builder().scheme(scheme).authority(rule.to.as_str()).path_and_query(path).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_matching_rule_decides_and_empty_parts_match_any() {
        let rules: Vec<ConnectTo> = ["a.svc:8443:127.0.0.1:1", ":8443:127.0.0.1:2", "::[::1]:3"]
            .iter()
            .map(|rule| rule.parse().unwrap())
            .collect();
        let to = |uri: &str| route(&rules, &uri.parse().unwrap()).unwrap().to_string();
        assert_eq!(to("https://A.svc:8443/v0/x"), "https://127.0.0.1:1/v0/x");
        assert_eq!(to("https://b.svc:8443/"), "https://127.0.0.1:2/");
        assert_eq!(to("http://b.svc:7777/"), "http://[::1]:3/");
        assert_eq!(route(&rules[..2], &"http://b.svc:7777/".parse().unwrap()), None);
    }

    #[test]
    fn a_rule_without_an_address_or_a_port_is_rejected() {
        for rule in ["", "a", "a:1", "a:x:b:1", "a:1:b", "a:1::1", "a:1:b:99999"] {
            assert!(rule.parse::<ConnectTo>().is_err(), "{rule}");
        }
    }
}
