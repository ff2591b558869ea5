//! The shell scripts of a pod. All values are quoted.

/// Runs `seid init` once; a data directory that has a genesis is left unchanged.
pub(crate) fn init(chain_id: &str) -> String {
    let chain = quoted(chain_id);
    format!(
        r#"if [ -f "$HOME/config/genesis.json" ]; then
  echo "data directory already initialized, skipping seid init"
else
  seid init {chain} --chain-id {chain} --home "$HOME" --overwrite
fi && mkdir -p "$HOME/tmp""#
    )
}

/// Waits for the sidecar, then replaces the shell with seid.
pub(crate) fn start(sidecar_port: u16) -> String {
    format!("{}\n{WAIT}\nexec seid start --home \"$HOME\"", answers(sidecar_port))
}

/// [`start`], which also restarts a sidecar that stops responding while seid runs.
///
/// Behind TLS no probe can do that: the sidecar listens on loopback, which the kubelet cannot reach, its
/// image has no shell, and a probe through the proxy would restart the sidecar for a failure of the proxy.
/// The containers of a pod share one process namespace and one user.
pub(crate) fn start_and_watch(sidecar_port: u16) -> String {
    format!("{}\n{WATCH}\n{WAIT}\nexec seid start --home \"$HOME\"", answers(sidecar_port))
}

/// Waits for the sidecar, then runs seid up to `height`, where seid interrupts itself with exit status 130.
pub(crate) fn bootstrap(sidecar_port: u16, height: i64) -> String {
    format!(
        r#"{}
{WAIT}
seid start --home "$HOME" --halt-height {height}
status=$?
if [ "$status" -eq 130 ]; then exit 0; fi
exit "$status""#,
        answers(sidecar_port)
    )
}

/// A function that checks whether the sidecar returns 200 for a path. seid's image has no HTTP client: bash
/// opens the connection itself, to the sidecar's own port, which listens on loopback also behind TLS.
fn answers(sidecar_port: u16) -> String {
    format!(
        r#"answers() (
  exec 3<>/dev/tcp/localhost/{sidecar_port} &&
    printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&3 &&
    read -r -t 5 _ status _ <&3 && [ "$status" = 200 ]
) 2>/dev/null"#
    )
}

const WAIT: &str = r#"echo "waiting for sidecar to become ready..."
until answers /v0/healthz; do
  sleep 5
done
echo "sidecar ready, starting seid""#;

/// Runs in the background: three failures in a row, 10 s apart, like the liveness probe of a node without
/// TLS. A process that hangs ignores other signals; the kubelet restarts it.
const WATCH: &str = r#"misses=0
while sleep 10; do
  if answers /v0/livez; then misses=0; else misses=$((misses + 1)); fi
  if [ "$misses" -ge 3 ]; then
    echo "sidecar does not answer, restarting it"
    for comm in /proc/[0-9]*/comm; do
      if read -r name <"$comm" && [ "$name" = seictl ]; then kill -9 "${comm//[!0-9]/}"; fi
    done 2>/dev/null
    misses=0
  fi
done &"#;

/// `text` quoted as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_quoted_as_one_word() {
        assert_eq!(quoted("pacific-1"), "'pacific-1'");
        assert_eq!(quoted("it's $(touch owned); chain"), r"'it'\''s $(touch owned); chain'");
    }
}
