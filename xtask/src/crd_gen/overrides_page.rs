//! `docs/reference/overrides.md`: the keys of `spec.overrides`, from the list in `sei_plan`.

use std::fmt::Write as _;

use sei_node::override_keys;

const INTRODUCTION: &str = "\
# Overrides

`spec.overrides` maps keys of the unified Sei configuration to values, which are always text:

```yaml
spec:
  overrides:
    evm.http_port: \"8545\"
    mempool.size: \"5000\"
```

The operator sets some keys itself, by mode; an override wins over them. Keys that are not listed and values that the sidecar
cannot parse are rejected. A value must not contain a password: anyone who can read SeiNodes can read
it. `sei-operator plan -f node.yaml` checks all of this without a cluster.

| key | value |
|---|---|
";

const MANAGED: &str = "
## Keys that cannot be set

They follow from the spec or from how the pod is built.

| key | why |
|---|---|
";

pub(super) fn render() -> Result<String, std::fmt::Error> {
    let mut page = INTRODUCTION.to_owned();
    for key in override_keys().filter(|key| key.managed.is_none()) {
        writeln!(page, "| `{}` | {} |", key.key, key.value)?;
    }
    page.push_str(MANAGED);
    for key in override_keys() {
        if let Some(why) = key.managed {
            writeln!(page, "| `{}` | {why} |", key.key)?;
        }
    }
    Ok(page)
}
