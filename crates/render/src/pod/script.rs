//! The shell scripts of a pod. Nothing enters them unquoted.

/// Runs `seid init` once; a data directory that has a genesis is left as it is.
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

/// Waits for the sidecar, then becomes seid.
pub(crate) fn start(sidecar_port: u16) -> String {
    format!("{}\n{WAIT}\nexec seid start --home \"$HOME\"", answers(sidecar_port))
}

/// [`start`], and restarts a sidecar that stops answering for as long as seid runs.
///
/// Behind TLS no probe can do that: the sidecar listens on loopback, which the kubelet does not reach, its image has
/// no shell, and a probe through the proxy would restart the sidecar for a fault of the proxy. The containers of a pod
/// share one process namespace and one user.
pub(crate) fn start_and_watch(sidecar_port: u16) -> String {
    format!("{}\n{WATCH}\n{WAIT}\nexec seid start --home \"$HOME\"", answers(sidecar_port))
}

/// Waits for the sidecar, then runs seid up to `height`. seid interrupts itself there, which is exit status 130.
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

/// A function that tells whether the sidecar answers a path with 200. seid's image has no HTTP tool: bash opens the
/// connection itself, to the sidecar's own port, which listens on loopback behind TLS too.
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

/// In the background: three misses in a row, 10 s apart, as the liveness probe of a node without TLS has it. A process
/// that hangs ignores milder signals; the kubelet starts it again.
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

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_word_of_the_shell_whatever_is_in_it() {
        assert_eq!(quoted("pacific-1"), "'pacific-1'");
        assert_eq!(quoted("it's $(touch owned); chain"), r"'it'\''s $(touch owned); chain'");
    }
}
