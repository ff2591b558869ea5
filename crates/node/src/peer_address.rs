//! Addresses of peers, in the form that seid accepts.

use core::net::Ipv6Addr;

/// Length of a node ID: the address of a key as hexadecimal digits.
const ID_LENGTH: usize = 40;

/// Whether `text` is `nodeId@host:port`, with brackets around an IPv6 host. seid does not start with a
/// persistent peer of any other form.
pub fn is_peer_address(text: &str) -> bool {
    let Some((id, address)) = text.split_once('@') else { return false };
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let is_id = id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_port =
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    is_id && is_port && is_host(host)
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && edge(label.bytes().next())
            && edge(label.bytes().last())
    };
    host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_seid_does_not_start_with_are_rejected() {
        let id = "0123456789abcdef0123456789ABCDEF01234567";
        for valid in ["rpc.sei.io:26656", "10.0.0.1:1", "[2001:db8::1]:26656", "node-0-0.node-0:65535"] {
            assert!(is_peer_address(&format!("{id}@{valid}")), "{valid}");
        }
        for bad in [
            "rpc.sei.io",
            "rpc.sei.io:",
            "rpc.sei.io:0",
            "rpc.sei.io:65536",
            "rpc.sei.io:+1",
            "2001:db8::1:26656",
            "[2001:db8::1:26656",
            "rpc sei.io:26656",
            "rpc..io:26656",
            ":26656",
            "tcp://rpc.sei.io:26656",
        ] {
            assert!(!is_peer_address(&format!("{id}@{bad}")), "{bad}");
        }
        for bad in ["", "10.0.0.1:26656", "0123@rpc.sei.io:26656", &format!("g{}@a:1", &id[1..])] {
            assert!(!is_peer_address(bad), "{bad}");
        }
    }
}
