//! Why a certificate was refused.

use std::{error::Error as StdError, io};

use jiff::Timestamp;
use rustls::CertificateError;
use rustls_pki_types::UnixTime;

/// The reason of our own verifier, if it was the one that refused the certificate.
pub(crate) fn verdict(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        // `io::Error` does not return what it carries from `source`.
        let inner = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        let inner = inner.map(|inner| inner as &(dyn StdError + 'static));
        for error in [Some(error), inner].into_iter().flatten() {
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                let refused = matches!(
                    tls,
                    rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented
                );
                return refused.then(|| words(tls));
            }
        }
        next = inner.or_else(|| error.source());
    }
    None
}

/// Formats the error without times: rustls counts the seconds since a certificate expired, and a text that
/// changes would be written to the status each time.
fn words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            format!("the certificate expired at {}", time(*not_after))
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => {
            format!("the certificate is not valid before {}", time(*not_before))
        }
        other => other.to_string(),
    }
}

fn time(unix: UnixTime) -> String {
    let seconds = i64::try_from(unix.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .map_or_else(|_| format!("{seconds} s after 1970"), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_message_does_not_change_as_time_passes() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let expired = |now| CertificateError::ExpiredContext { time: at(now), not_after: at(1_893_456_000) };
        let early =
            |now| CertificateError::NotValidYetContext { time: at(now), not_before: at(1_893_456_000) };
        let said = |error| verdict(&io::Error::other(rustls::Error::InvalidCertificate(error))).unwrap();
        assert_eq!(said(expired(1_893_456_001)), "the certificate expired at 2030-01-01T00:00:00Z");
        assert_eq!(said(expired(1_893_456_001)), said(expired(1_893_456_999)));
        assert_eq!(said(early(1_893_455_001)), "the certificate is not valid before 2030-01-01T00:00:00Z");
        assert_eq!(said(early(1_893_455_001)), said(early(1_893_455_999)));
    }
}
