//! A Secret of the tests, with the verdicts of the operator and of Go.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sei_tls::{Accepted, Problem, SecretData, judge};
use serde::{Deserialize, Serialize};

pub const NAMES: [&str; 2] = ["rpc-0.sei.svc.cluster.local", "rpc-0-0.rpc-0.sei.svc.cluster.local"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Secret {
    pub name: String,
    pub group: String,
    pub at: Timestamp,
    #[serde(rename = "type")]
    pub type_: String,
    #[serde(with = "base64_values")]
    pub data: BTreeMap<String, Vec<u8>>,
    #[serde(default)]
    pub go: GoVerdict,
}

/// Go's verdict: "ok", an error, or absent if an earlier step failed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GoVerdict {
    pub load: String,
    pub names: String,
    pub verify: String,
    pub handshake: String,
}

impl GoVerdict {
    pub fn accepts(&self) -> bool {
        [&self.load, &self.names, &self.verify, &self.handshake].iter().all(|said| *said == "ok")
    }
}

impl Secret {
    pub fn entry(&self, key: &str) -> Option<&[u8]> {
        self.data.get(key).map(Vec::as_slice)
    }

    pub fn judged(&self) -> Result<Accepted, Problem> {
        let data = SecretData {
            type_: Some(&self.type_),
            crt: self.entry("tls.crt"),
            key: self.entry("tls.key"),
            ca: self.entry("ca.crt"),
        };
        judge(&data, &NAMES.map(str::to_owned), self.at)
    }
}

/// Every Secret of `cases.jsonl`.
pub fn conformance() -> Vec<Secret> {
    include_str!("cases.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

mod base64_values {
    use std::collections::BTreeMap;

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(
        data: &BTreeMap<String, Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let encoded = data.iter().map(|(key, value)| (key, STANDARD.encode(value)));
        encoded.collect::<BTreeMap<_, _>>().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Vec<u8>>, D::Error> {
        let encoded = BTreeMap::<String, String>::deserialize(deserializer)?;
        let decode = |(key, value): (String, String)| STANDARD.decode(value).map(|value| (key, value));
        encoded.into_iter().map(decode).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
    }
}
