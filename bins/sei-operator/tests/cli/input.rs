//! What is read from files and standard input.

use serde_json::{Value, json};

use super::*;

#[test]
fn invalid_input_is_reported_in_one_line_that_names_the_field() {
    type Change = fn(&mut Value);
    let cases: &[(&str, Change)] = &[
        ("spec.imagge: unknown field", |node| node["spec"]["imagge"] = "x".into()),
        ("spec.image: required", |node| drop(node["spec"].as_object_mut().unwrap().remove("image"))),
        ("spec.chainId: chainId must consist of", |node| node["spec"]["chainId"] = "a b".into()),
        ("exactly one of fullNode, archive", |node| node["spec"]["archive"] = json!({})),
        ("spec.sidecar.port", |node| node["spec"]["sidecar"]["port"] = 70000.into()),
        ("no.such.key", |node| node["spec"]["overrides"] = json!({ "no.such.key": "1" })),
        ("metadata.name: true is not of type \"string\": write it in quotes", |node| {
            node["metadata"]["name"] = true.into();
        }),
        ("metadata.name: 42 is not of type \"string\"", |node| node["metadata"]["name"] = 42.into()),
        ("metadata.name: required", |node| drop(node["metadata"].as_object_mut().unwrap().remove("name"))),
        ("metadata.labels.shard: 3 is not of type \"string\"", |node| {
            node["metadata"]["labels"] = json!({ "shard": 3 });
        }),
        ("metadata.lables: unknown field", |node| node["metadata"]["lables"] = json!({ "a": "b" })),
        ("metadata.ownerReferences[0].nme: unknown field", |node| {
            node["metadata"]["ownerReferences"] =
                json!([{ "apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b", "nme": "c" }]);
        }),
        ("spec.image: image must be an image reference", |node| node["spec"]["image"] = "a:v1\n".into()),
        ("spec.peers[0].static.addresses[0]", |node| {
            node["spec"]["peers"] = json!([{ "static": { "addresses": ["10.0.0.1:26656"] } }]);
        }),
        ("must be sei.io/v1alpha1 SeiNode or SeiNodeDeployment, not sei.io/v1alpha1 Pod", |node| {
            node["kind"] = "Pod".into()
        }),
    ];
    for (part, change) in cases {
        let output = call(&["plan", "-f", "-"], &node_with(change));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{part}: {said}");
        assert!(said.contains(part), "{part}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(output.stdout.is_empty(), "{part}");
    }
    for (part, input) in [
        ("is not YAML", "a: b: c"),
        ("a YAML mapping", "- a"),
        ("a YAML mapping", ""),
        ("a YAML mapping", "---\n# nothing\n---\n"),
    ] {
        let output = call(&["plan", "-f", "-"], input);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part), "{part}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert_eq!(call(&["plan", "-f", "/no/such/file"], "").status.code(), Some(2));
}

#[test]
fn files_are_read_as_kubectl_reads_them() {
    let text = std::fs::read_to_string(root().join(NODE)).unwrap();
    let plan = |input: &str| call(&["plan", "-f", "-"], input);
    let said = |output: Output| String::from_utf8(output.stderr).unwrap();
    let with_empty_documents = format!("---\n# comment\n---\n{text}\n---\n");
    assert!(plan(&with_empty_documents).status.success());
    let beside_another = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a }}\n---\n{text}");
    assert!(plan(&beside_another).status.success());
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [serde_json::from_str::<Value>(&node_with(|_| {})).unwrap()] });
    assert!(plan(&list.to_string()).status.success());
    assert!(said(plan(&format!("{text}\n---\n{text}"))).contains("there are 2 objects of kind SeiNode"));
    let twice = said(plan("kind: SeiNode\nkind: SeiNode\n"));
    assert!(twice.contains("kind") && !twice.contains("Policy") && !twice.contains("Options"), "{twice}");

    let other = text.replace("name: rpc-0", "name: rpc-1");
    let both = json_of(&call(&["render", "-f", "-", "-o", "json"], &format!("{text}\n---\n{other}")));
    assert_eq!(both["items"].as_array().unwrap().len(), 8, "the objects of both nodes");
    // Numbers in the forms that the API server accepts.
    let height =
        node_with(|node| node["spec"]["fullNode"]["snapshot"] = json!({ "s3": { "targetHeight": 1e6 } }));
    let output = call(&["plan", "-f", "-", "-o", "json"], &height);
    assert!(json_of(&output).to_string().contains("\"targetHeight\":1000000"));
}

#[test]
fn a_file_that_would_fill_the_memory_is_refused_at_once() {
    let text = std::fs::read_to_string(root().join(NODE)).unwrap();
    let mut nested = format!("{text}\n---\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        nested.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let long = format!("{text}\n---\na: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 100].join(", "));
    let many = format!("{text}\n---\na: &a x\nb: [{}]\n", vec!["*a"; 60_000].join(", "));
    for bomb in [nested, long, many] {
        let output = call(&["render", "-f", "-"], &bomb);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("its aliases repeat too much"), "{said}");
    }
    let deep = format!("a: {}{}", "[".repeat(100), "]".repeat(100));
    let said = String::from_utf8(call(&["render", "-f", "-"], &deep).stderr).unwrap();
    assert!(said.contains("it is nested too deeply"), "{said}");
    let endless = String::from_utf8(call(&["render", "-f", "/dev/zero"], "").stderr).unwrap();
    assert!(endless.contains("/dev/zero: it has more than"), "{endless}");
    // Some aliases are no bomb.
    let label = |value: &str| text.replace("name: rpc-0", &format!("name: rpc-0\n  labels: {value}"));
    let output = call(&["render", "-f", "-"], &label("{ a: &a x, b: *a, c: *a }"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn more_objects_than_a_parser_expects_are_read_and_their_faults_are_few() {
    let node = |name: &str| {
        serde_json::from_str::<Value>(&node_with(|node| node["metadata"]["name"] = name.into())).unwrap()
    };
    let items: Vec<_> = (0..20).map(|index| node(&format!("rpc-{index}"))).collect();
    let others = "---\napiVersion: v1\nkind: ConfigMap\n".repeat(2_000);
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let objects = json_of(&call(&["render", "-f", "-", "-o", "json"], &format!("{others}---\n{list}")));
    assert_eq!(objects["items"].as_array().unwrap().len(), 80, "four of each node");
    type Change = fn(&mut Value);
    let changes: [Change; 3] = [
        |node| node["spec"] = "x".repeat(1 << 20).into(),
        |node| (0..10_000).for_each(|field| node["spec"][format!("field{field}")] = 1.into()),
        |node| {
            (0..10_000).for_each(|key| node["spec"]["overrides"][format!("no.key{key}")] = "1".into());
        },
    ];
    for change in changes {
        let output = call(&["render", "-f", "-"], &node_with(change));
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stderr.len() < 5_000, "{} bytes", output.stderr.len());
    }
}
