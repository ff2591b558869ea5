//! The extensions of a certificate, checked as Go's parser checks each.

use std::collections::BTreeSet;

use der::asn1::ObjectIdentifier;

use crate::{
    alt_names::{self, AltNames},
    name::dotted,
    reader::{
        Elements, Fault, INTEGER, OCTET_STRING, SEQUENCE, context, context_constructed, is_integer, number,
    },
};

const AUTHORITY_INFO_ACCESS: &[u8] = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.1").as_bytes();
const SERVER_AUTH: &[u8] = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1").as_bytes();
const ANY_USAGE: &[u8] = ObjectIdentifier::new_unwrap("2.5.29.37.0").as_bytes();

/// The extensions that decide which clients accept the certificate.
#[derive(Default)]
pub(crate) struct Extensions {
    /// subjectAltName; empty if absent.
    pub(crate) names: AltNames,
    /// Whether it has an extended key usage that excludes servers.
    pub(crate) not_for_servers: bool,
    /// Whether it has a key usage that excludes signing certificates.
    pub(crate) may_not_sign: bool,
    /// basicConstraints.
    pub(crate) basic: Option<Basic>,
    /// Whether it has name constraints.
    pub(crate) constrains_names: bool,
    /// Whether it has policy constraints or mappings.
    pub(crate) constrains_policies: bool,
    /// A critical extension that Go does not support.
    pub(crate) unknown_critical: Option<String>,
}

/// basicConstraints.
pub(crate) struct Basic {
    pub(crate) ca: bool,
    pub(crate) path_length: Option<u64>,
}

impl Extensions {
    /// Reads a SEQUENCE OF Extension.
    pub(crate) fn read(list: &[u8]) -> Result<Self, Fault> {
        let mut read = Self::default();
        let mut seen = BTreeSet::new();
        let mut list = Elements::of(list).within(SEQUENCE);
        let list = list.as_mut().ok_or("malformed extensions")?;
        while !list.is_empty() {
            let mut extension = list.within(SEQUENCE).ok_or("malformed extension")?;
            let oid = extension.oid().ok_or("malformed extension identifier")?;
            let critical = extension.flag().ok_or("malformed critical flag of an extension")?;
            let value = extension.read(OCTET_STRING).ok_or("malformed extension value")?;
            if !seen.insert(oid) {
                return Err("an extension appears twice");
            }
            if !read.add(oid, critical, value)? && critical {
                read.unknown_critical = Some(dotted(oid));
            }
        }
        Ok(read)
    }

    /// Adds one extension; whether Go handles it.
    fn add(&mut self, oid: &[u8], critical: bool, value: &[u8]) -> Result<bool, Fault> {
        if oid == AUTHORITY_INFO_ACCESS {
            never_critical(critical, "authorityInfoAccess is marked critical")?;
            access_descriptions(value).ok_or("malformed authorityInfoAccess")?;
            return Ok(true);
        }
        match standard(oid) {
            Some(14) => {
                never_critical(critical, "subjectKeyIdentifier is marked critical")?;
                let key = Elements::of(value).read(OCTET_STRING);
                key.ok_or("malformed subjectKeyIdentifier")?;
            }
            Some(15) => self.may_not_sign = !may_sign(value).ok_or("malformed keyUsage")?,
            Some(17) => {
                self.names = AltNames::read(value)?;
                return Ok(self.names.any);
            }
            Some(19) => self.basic = Some(basic(value).ok_or("malformed basicConstraints")?),
            Some(30) => {
                self.constrains_names = true;
                return alt_names::read_constraints(value).map(|unknown| !unknown);
            }
            Some(31) => distribution_points(value).ok_or("malformed cRLDistributionPoints")?,
            Some(32) => policies(value).ok_or("malformed certificatePolicies")?,
            Some(33) => {
                self.constrains_policies = true;
                policy_mappings(value).ok_or("malformed policyMappings")?;
            }
            Some(35) => {
                never_critical(critical, "authorityKeyIdentifier is marked critical")?;
                authority_key(value).ok_or("malformed authorityKeyIdentifier")?;
            }
            Some(36) => {
                self.constrains_policies = true;
                policy_constraints(value).ok_or("malformed policyConstraints")?;
            }
            Some(37) => {
                self.not_for_servers = !serves(value).ok_or("malformed extendedKeyUsage")?;
            }
            Some(54) => {
                let skip = Elements::of(value).unsigned();
                skip.and_then(number).ok_or("malformed inhibitAnyPolicy")?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// `n` of id-ce-n, 2.5.29.n.
fn standard(oid: &[u8]) -> Option<u8> {
    match oid {
        [0x55, 0x1d, number @ ..=0x7f] => Some(*number),
        _ => None,
    }
}

fn never_critical(critical: bool, fault: Fault) -> Result<(), Fault> {
    if critical { Err(fault) } else { Ok(()) }
}

/// Go treats a key usage without any bit as absent.
fn may_sign(value: &[u8]) -> Option<bool> {
    let (bytes, unused) = Elements::of(value).bits()?;
    let set = |bit: usize| {
        bit < bytes.len() * 8 - usize::from(unused)
            && bytes.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0)
    };
    Some(set(5) || !(0..9).any(set))
}

fn basic(value: &[u8]) -> Option<Basic> {
    let mut basic = Elements::of(value).within(SEQUENCE)?;
    let ca = basic.flag()?;
    let path_length = if basic.has(INTEGER) { Some(number(basic.unsigned()?)?) } else { None };
    Some(Basic { ca, path_length })
}

/// Go treats an extended key usage without any purpose as no restriction.
fn serves(value: &[u8]) -> Option<bool> {
    let mut list = Elements::of(value).within(SEQUENCE)?;
    let mut serves = list.is_empty();
    while !list.is_empty() {
        let usage = list.oid()?;
        serves |= usage == SERVER_AUTH || usage == ANY_USAGE;
    }
    Some(serves)
}

fn distribution_points(value: &[u8]) -> Option<()> {
    let mut points = Elements::of(value).within(SEQUENCE)?;
    while !points.is_empty() {
        let mut point = points.within(SEQUENCE)?;
        let Some(name) = point.optional(context_constructed(0))? else { continue };
        let mut names = Elements::of(name).within(context_constructed(0))?;
        while names.has(context(6)) {
            names.read(context(6))?;
        }
    }
    Some(())
}

fn policies(value: &[u8]) -> Option<()> {
    let mut list = Elements::of(value).within(SEQUENCE)?;
    let mut seen = BTreeSet::new();
    while !list.is_empty() {
        let policy = list.within(SEQUENCE)?.oid()?;
        if !seen.insert(policy) {
            return None;
        }
    }
    Some(())
}

fn policy_mappings(value: &[u8]) -> Option<()> {
    let mut list = Elements::of(value).within(SEQUENCE)?;
    while !list.is_empty() {
        let mut mapping = list.within(SEQUENCE)?;
        mapping.oid().and_then(|_| mapping.oid())?;
    }
    Some(())
}

fn policy_constraints(value: &[u8]) -> Option<()> {
    let mut constraints = Elements::of(value).within(SEQUENCE)?;
    for tag in [context(0), context(1)] {
        let skip = constraints.optional(tag)?;
        if skip.is_some_and(|skip| !is_integer(skip) || skip.len() > 8) {
            return None;
        }
    }
    Some(())
}

fn authority_key(value: &[u8]) -> Option<()> {
    Elements::of(value).within(SEQUENCE)?.optional(context(0)).map(drop)
}

fn access_descriptions(value: &[u8]) -> Option<()> {
    let mut list = Elements::of(value).within(SEQUENCE)?;
    while !list.is_empty() {
        let mut description = list.within(SEQUENCE)?;
        description.oid()?;
        description.optional(context(6))?;
    }
    Some(())
}
