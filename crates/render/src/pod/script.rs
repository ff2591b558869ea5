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
    format!("{}\nexec seid start --home \"$HOME\"", wait(sidecar_port))
}

/// Waits for the sidecar, then runs seid up to `height`. seid interrupts itself there, which is exit status 130.
pub(crate) fn bootstrap(sidecar_port: u16, height: i64) -> String {
    format!(
        r#"{}
seid start --home "$HOME" --halt-height {height}
status=$?
if [ "$status" -eq 130 ]; then exit 0; fi
exit "$status""#,
        wait(sidecar_port)
    )
}

/// seid's image has no HTTP tool: bash opens the connection itself. The sidecar's own port is asked, under TLS
/// too, since it listens on loopback there.
fn wait(sidecar_port: u16) -> String {
    format!(
        r#"echo "waiting for sidecar to become ready..."
until (
  exec 3<>/dev/tcp/localhost/{sidecar_port} &&
    printf 'GET /v0/healthz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3 &&
    head -n 1 <&3 | grep -q 200
) 2>/dev/null; do
  sleep 5
done
echo "sidecar ready, starting seid""#
    )
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
