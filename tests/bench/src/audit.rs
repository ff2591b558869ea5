//! Requests of the operator, from the API server's audit log.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::Context;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// Renewed by the operator as long as it runs.
const LEASES: &str = "leases";

/// A request that the API server has completed.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// When it was completed.
    pub(crate) at: Timestamp,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub(crate) verb: String,
    /// Resource, with the subresource after a slash.
    pub(crate) resource: String,
}

impl Request {
    /// Whether it changes something.
    pub(crate) fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }
}

/// The log, read while it grows.
pub(crate) struct Audit {
    path: PathBuf,
    read: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    verb: String,
    stage_timestamp: Timestamp,
    #[serde(default)]
    object_ref: ObjectRef,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ObjectRef {
    resource: String,
    subresource: String,
}

impl Audit {
    /// Writes the audit policy to `folder`. Returns the log, which does not exist yet, and the flags with which
    /// kube-apiserver logs the requests of `user`.
    pub(crate) fn new(folder: &Path, user: &str) -> anyhow::Result<(Self, Vec<String>)> {
        let policy = json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived", "ResponseStarted"],
            "rules": [{ "level": "Metadata", "users": [user] }, { "level": "None" }],
        });
        let (file, path) = (folder.join("audit-policy.json"), folder.join("audit.log"));
        fs::write(&file, policy.to_string()).with_context(|| format!("write {}", file.display()))?;
        let flags = vec![
            format!("--audit-policy-file={}", file.display()),
            format!("--audit-log-path={}", path.display()),
        ];
        Ok((Self { path, read: 0 }, flags))
    }

    /// New log entries since the last call, without lease renewals.
    pub(crate) fn news(&mut self) -> anyhow::Result<Vec<Request>> {
        let Ok(mut log) = File::open(&self.path) else { return Ok(Vec::new()) };
        log.seek(SeekFrom::Start(self.read)).context("read the audit log")?;
        let mut text = String::new();
        log.read_to_string(&mut text).context("read the audit log")?;
        // The last line may not be complete yet.
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += complete as u64;
        let entries = text[..complete].lines().map(serde_json::from_str::<Entry>);
        let requests = entries.map(|entry| {
            entry.map(|Entry { verb, stage_timestamp, object_ref }| {
                let ObjectRef { mut resource, subresource } = object_ref;
                if !subresource.is_empty() {
                    resource = format!("{resource}/{subresource}");
                }
                Request { at: stage_timestamp, verb, resource }
            })
        });
        let requests: Vec<_> = requests.collect::<Result<_, _>>().context("an entry of the audit log")?;
        Ok(requests.into_iter().filter(|request| request.resource != LEASES).collect())
    }
}

/// Number of requests by verb and resource.
pub(crate) fn counts(requests: &[Request]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(format!("{} {}", request.verb, request.resource)).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn complete_lines_are_read_once_and_leases_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let (mut audit, flags) = Audit::new(folder.path(), "another client").unwrap();
        assert_eq!(flags.len(), 2);
        assert!(audit.news().unwrap().is_empty(), "nothing is logged yet");
        let entry = |verb: &str, object: serde_json::Value| {
            let at = "2026-01-01T00:00:00.000001Z";
            json!({ "verb": verb, "stageTimestamp": at, "objectRef": object }).to_string()
        };
        let status = entry("patch", json!({ "resource": "seinodes", "subresource": "status" }));
        let lease = entry("update", json!({ "resource": "leases" }));
        let mut log = File::create(folder.path().join("audit.log")).unwrap();
        write!(log, "{status}\n{lease}\n{}", &status[..20]).unwrap();
        let news = audit.news().unwrap();
        assert_eq!(counts(&news), [("patch seinodes/status".to_owned(), 1)].into());
        assert!(news[0].is_write());
        writeln!(log, "{}", &status[20..]).unwrap();
        assert_eq!(audit.news().unwrap().len(), 1);
        assert!(audit.news().unwrap().is_empty());
    }
}
