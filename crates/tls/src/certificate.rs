//! One certificate, parsed as strictly as Go's `crypto/x509` does.

use der::{
    Decode, SliceReader, Tag,
    asn1::{GeneralizedTime, UtcTime},
};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use crate::{
    extensions::Extensions,
    name::Name,
    pem,
    place::Place,
    problem::Problem,
    public_key::PublicKey,
    reader::{Elements, Fault, SEQUENCE, context, context_constructed, number},
};

pub(crate) struct Certificate {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) place: Place,
    /// 1 to 3.
    pub(crate) version: u64,
    pub(crate) subject: Name,
    pub(crate) issuer: Name,
    pub(crate) public_key: PublicKey,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) extensions: Extensions,
}

/// Every certificate of `entry` in file order, at least one, or the first problem.
pub(crate) fn read_all(
    entry: &'static str,
    text: &[u8],
) -> Result<Vec<Result<Certificate, Problem>>, Problem> {
    let ders = pem::certificates(entry, text)?.into_iter().zip(1..);
    let read = ders.map(|(der, position)| {
        Certificate::read(entry, position, der).map_err(|detail| Problem::UnreadableCertificate {
            entry,
            position,
            detail,
        })
    });
    Ok(read.collect())
}

impl Certificate {
    fn read(entry: &'static str, position: usize, der: Vec<u8>) -> Result<Self, Fault> {
        const MALFORMED: Fault = "malformed certificate";
        let mut outer = Elements::of(&der);
        let mut signed = outer.within(SEQUENCE).ok_or(MALFORMED)?;
        if !outer.is_empty() {
            return Err("trailing data after the certificate");
        }
        let mut body = signed.within(SEQUENCE).ok_or(MALFORMED)?;
        let version = version(&mut body).ok_or("unknown version")?;
        let serial = body.integer().ok_or("malformed serial number")?;
        if serial.first().is_some_and(|first| *first >= 0x80) {
            return Err("negative serial number");
        }
        let inner = body.read(SEQUENCE).ok_or("malformed signature algorithm")?;
        let algorithm = signed.read(SEQUENCE).ok_or("malformed signature algorithm")?;
        if inner != algorithm {
            return Err("it names two different signature algorithms");
        }
        check_algorithm(algorithm).ok_or("malformed signature algorithm")?;
        let issuer = Name::read(body.read(SEQUENCE).ok_or("malformed issuer")?)?;
        let validity = body.read(SEQUENCE).ok_or("malformed validity")?;
        let (not_before, not_after) =
            dates(validity).ok_or("its dates are not in the form of RFC 5280 or lie before 1970")?;
        let subject = Name::read(body.read(SEQUENCE).ok_or("malformed subject")?)?;
        let public_key = PublicKey::read(body.read(SEQUENCE).ok_or("malformed public key")?)?;
        let extensions = extensions(version, &mut body)?;
        signed.bits().ok_or("malformed signature")?;
        let place = Place { entry, position, subject: subject.text.clone() };
        let der = CertificateDer::from(der);
        Ok(Self { der, place, version, subject, issuer, public_key, not_before, not_after, extensions })
    }

    /// Whether the subject of `issuer` is the issuer name of this certificate.
    pub(crate) fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.issuer.text == issuer.subject.text
    }

    /// Rejects the certificate before and after its validity, which includes both ends (RFC 5280, 4.1.2.5).
    pub(crate) fn check_dates(&self, now: Timestamp) -> Result<(), Problem> {
        let (not_before, not_after) = (self.not_before, self.not_after);
        if now > not_after {
            Err(Problem::Expired { place: self.place.clone(), not_after })
        } else if now < not_before {
            Err(Problem::NotYetValid { place: self.place.clone(), not_before, not_after })
        } else {
            Ok(())
        }
    }
}

fn version(body: &mut Elements<'_>) -> Option<u64> {
    let Some(explicit) = body.optional(context_constructed(0))? else { return Some(1) };
    let mut explicit = Elements::of(explicit);
    let version = number(explicit.unsigned()?)?;
    (version < 3 && explicit.is_empty()).then_some(version + 1)
}

fn check_algorithm(algorithm: &[u8]) -> Option<()> {
    let mut algorithm = Elements::of(algorithm);
    algorithm.oid()?;
    if algorithm.is_empty() { Some(()) } else { algorithm.any().map(drop) }
}

fn extensions(version: u64, body: &mut Elements<'_>) -> Result<Extensions, Fault> {
    if version > 1 {
        for unique_id in [context(1), context(2)] {
            body.optional(unique_id).ok_or("malformed unique identifier")?;
        }
    }
    let list = if version == 3 { body.optional(context_constructed(3)) } else { Some(None) };
    match list.ok_or("malformed extensions")? {
        Some(list) => Extensions::read(list),
        None => Ok(Extensions::default()),
    }
}

fn dates(validity: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let mut reader = SliceReader::new(validity).ok()?;
    let mut date = || {
        let seconds = match Tag::peek(&reader).ok()? {
            Tag::UtcTime => UtcTime::decode(&mut reader).ok()?.to_unix_duration(),
            _ => GeneralizedTime::decode(&mut reader).ok()?.to_unix_duration(),
        };
        // The year 9999 of RFC 5280's "no expiry" is a few hours beyond the range of a timestamp: it becomes
        // the last timestamp.
        let seconds = i64::try_from(seconds.as_secs()).ok()?;
        Some(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
    };
    Some((date()?, date()?))
}
