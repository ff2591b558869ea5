//! Passwords in values: everyone with read access to a SeiNode can read its overrides, so they must not
//! contain any.

/// Whether `value` is a connection string with a password: a URL with `user:password@`, or `password=` in the keyword
/// form of PostgreSQL.
pub(crate) fn has_password(value: &str) -> bool {
    let of_url = value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.is_some_and(|user| user.split_once(':').is_some_and(|(_, password)| !password.is_empty()))
    });
    let lower = value.to_ascii_lowercase();
    let mut keywords = lower.split([' ', '?', '&', '\t', '\n']).filter_map(|word| word.split_once('='));
    let of_keyword = keywords.any(|(name, password)| {
        ["password", "sslpassword"].contains(&name.trim()) && !password.trim().is_empty()
    });
    of_url || of_keyword
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_found_in_every_form_of_a_connection_string() {
        for value in [
            "postgres://sei:hunter2@db:5432/index",
            "postgresql://sei:p%40ss@db/index?sslmode=require",
            "postgresql://db/index?user=sei&password=hunter2",
            "host=db user=sei password=hunter2 dbname=index",
            "host=db PASSWORD='hunter2'",
            "https://user:key@rpc.example",
        ] {
            assert!(has_password(value), "{value}");
        }
        for value in [
            "",
            "postgres://sei@db:5432/index",
            "host=db user=sei dbname=index passfile=/etc/pgpass",
            "tcp://0.0.0.0:26657",
            "https://rpc.example/a:b@c",
            "0123@host:26656,4567@other:26656",
        ] {
            assert!(!has_password(value), "{value}");
        }
    }
}
