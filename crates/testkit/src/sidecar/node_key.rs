//! `config/node_key.json`: the key that identifies a node to its peers.

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Home;

/// Its path in a node's home.
pub const FILE: &str = "config/node_key.json";
/// Length of a private Ed25519 key in bytes; the second half is the public key.
const KEY: usize = 64;
/// Length of the digest that is the ID, in bytes.
const ID: usize = 20;

/// A new key. It has the right form, but is never used to sign.
pub fn generate() -> Value {
    let bytes: Vec<u8> = (0..KEY / 16).flat_map(|_| Uuid::new_v4().into_bytes()).collect();
    json!({ "priv_key": { "type": "tendermint/PrivKeyEd25519", "value": BASE64_STANDARD.encode(bytes) } })
}

/// The ID of the node in `home`.
///
/// # Errors
/// If there is no key, or an invalid one.
pub fn id(home: &Home) -> anyhow::Result<String> {
    let text = home.read(FILE)?;
    let text = text.context("node_key.json not found — generate-identity may not have run yet")?;
    let key: Value = serde_json::from_str(&text).context("failed to parse node_key.json")?;
    let value = key["priv_key"]["value"].as_str().context("node_key.json has no priv_key.value")?;
    let bytes = BASE64_STANDARD.decode(value).context("priv_key.value in node_key.json is not base64")?;
    ensure!(bytes.len() == KEY, "priv_key.value in node_key.json has {} bytes, not {KEY}", bytes.len());
    let digest = Sha256::digest(&bytes[KEY / 2..]);
    Ok(digest.iter().take(ID).map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_derived_from_the_public_key() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().to_owned());
        let write = |bytes: &[u8]| {
            let key = json!({ "priv_key": { "value": BASE64_STANDARD.encode(bytes) } });
            home.write_json(FILE, &key).unwrap();
            id(&home)
        };
        assert!(id(&home).unwrap_err().to_string().contains("generate-identity"));
        // The first 20 bytes of SHA-256 over 32 zero bytes.
        let zeros = "66687aadf862bd776c8fc18b8e9f8e2008971485";
        assert_eq!(write(&[0; 64]).unwrap(), zeros);
        assert_eq!(write(&[[1; 32], [0; 32]].concat()).unwrap(), zeros);
        assert!(write(&[0; 32]).unwrap_err().to_string().contains("32 bytes"));
        home.write_json(FILE, &generate()).unwrap();
        assert_eq!(id(&home).unwrap().len(), 40);
    }
}
