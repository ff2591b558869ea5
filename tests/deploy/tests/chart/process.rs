//! The Deployment starts the operator with valid arguments and settings.

use std::collections::BTreeMap;

use sei_controller::rbac;
use sei_render::Platform;
use sei_testkit::chart::{self, RELEASE, find};
use serde_json::{Value, json};

fn container(values: &Value) -> (Value, Value) {
    let objects = chart::render(values).unwrap();
    let deployment = find(&objects, "Deployment", RELEASE).unwrap();
    let pod = deployment["spec"]["template"]["spec"].clone();
    (pod["containers"][0].clone(), pod)
}

/// The variables with a literal value.
fn settings(container: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let variables = container["env"].as_array().unwrap().iter();
    let variables = variables.filter(|variable| variable.get("value").is_some());
    variables.map(|variable| (text(&variable["name"]), text(&variable["value"]))).collect()
}

fn arguments(container: &Value) -> Vec<&str> {
    container["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[test]
fn the_default_settings_are_all_that_the_operator_requires() {
    let (container, _) = container(&json!({}));
    let settings = settings(&container);
    let platform = Platform::from_settings(&settings);
    assert!(platform.is_ok(), "{platform:?}");
    // No setting is set that the operator would not read.
    let wanted = Platform::from_settings(&BTreeMap::new()).unwrap_err();
    let required = wanted.lines().iter().filter_map(|line| line.split(' ').next());
    let optional = [
        "SEI_CLUSTER_DOMAIN",
        "SEI_CONFIG_ROLLOUT",
        "SEI_KUBE_RBAC_PROXY_IMAGE",
        "SEI_SIDECAR_ROLLOUT",
        "SEI_SIDECAR_ROLLOUT_MAX_UNAVAILABLE",
    ];
    let mut known: Vec<_> = required.chain(optional).collect();
    known.sort_unstable();
    assert_eq!(settings.keys().collect::<Vec<_>>(), known);
}

#[test]
fn a_restarted_container_has_the_identity_of_its_pod() {
    let (container, _) = container(&json!({}));
    let field = |name: &str| {
        let variables = container["env"].as_array().unwrap();
        let variable = variables.iter().find(|variable| variable["name"] == name).unwrap();
        variable["valueFrom"]["fieldRef"]["fieldPath"].clone()
    };
    assert_eq!((field("POD_NAME"), field("POD_UID")), (json!("metadata.name"), json!("metadata.uid")));
}

#[test]
fn every_platform_value_reaches_its_setting() {
    let platform = json!({
        "images": { "sidecar": "sidecar:1", "exporter": "exporter:1", "proxy": "proxy:1" },
        "referenceLabel": "sei.io/for-nodes=true",
        "peerNamespaces": ["chains", "tools"],
        "clusterDomain": "k8s.example",
        "configRollout": "Immediate",
        "sidecarRollout": { "type": "Paced", "maxUnavailable": 2 },
        "rpcServers": { "pacific-1": ["a.example:26657", "b.example:26657"] },
        "allowedImages": ["ghcr.io/sei-protocol/", "registry:5000/seid"],
        "gateway": { "name": "public", "namespace": "gateways", "domain": "a.example", "publicDomain": "b.example" },
        "serviceAccount": "account",
        "tolerationKey": "key",
        "default": { "nodePool": "pool-d", "storageClass": "class-d", "storageSize": "1Ti", "cpu": 2, "memory": "3Gi", "memoryLimit": "4Gi" },
        "archive": { "nodePool": "pool-a", "storageClass": "class-a", "storageSize": "4Ti", "cpu": "5500m", "memory": "6Gi", "memoryLimit": "7Gi" },
        "validator": { "nodePool": "pool-v", "storageClass": "class-v", "storageSize": "5Ti", "cpu": 8, "memory": "9Gi", "memoryLimit": "10Gi" },
        "replayer": { "nodePool": "pool-r", "storageClass": "class-r", "storageSize": "6Ti", "cpu": 11, "memory": "12Gi", "memoryLimit": "13Gi" },
        "snapshots": { "bucket": "snapshots", "region": "region-s" },
        "genesis": { "bucket": "genesis", "region": "region-g" },
    });
    let (container, _) = container(&json!({ "platform": platform }));
    let wanted = [
        ("SEI_ALLOWED_IMAGES", "ghcr.io/sei-protocol/,registry:5000/seid"),
        ("SEI_CLUSTER_DOMAIN", "k8s.example"),
        ("SEI_CONFIG_ROLLOUT", "Immediate"),
        ("SEI_COSMOS_EXPORTER_IMAGE", "exporter:1"),
        ("SEI_GATEWAY_DOMAIN", "a.example"),
        ("SEI_GATEWAY_NAME", "public"),
        ("SEI_GATEWAY_NAMESPACE", "gateways"),
        ("SEI_GATEWAY_PUBLIC_DOMAIN", "b.example"),
        ("SEI_GENESIS_BUCKET", "genesis"),
        ("SEI_GENESIS_REGION", "region-g"),
        ("SEI_KUBE_RBAC_PROXY_IMAGE", "proxy:1"),
        ("SEI_NODEPOOL_ARCHIVE", "pool-a"),
        ("SEI_NODEPOOL_NAME", "pool-d"),
        ("SEI_NODEPOOL_REPLAYER", "pool-r"),
        ("SEI_NODEPOOL_VALIDATOR", "pool-v"),
        ("SEI_PEER_NAMESPACES", "chains,tools"),
        ("SEI_REFERENCE_LABEL", "sei.io/for-nodes=true"),
        ("SEI_RESOURCE_CPU_ARCHIVE", "5500m"),
        ("SEI_RESOURCE_CPU_DEFAULT", "2"),
        ("SEI_RESOURCE_CPU_REPLAYER", "11"),
        ("SEI_RESOURCE_CPU_VALIDATOR", "8"),
        ("SEI_RESOURCE_MEM_ARCHIVE", "6Gi"),
        ("SEI_RESOURCE_MEM_DEFAULT", "3Gi"),
        ("SEI_RESOURCE_MEM_LIMIT_ARCHIVE", "7Gi"),
        ("SEI_RESOURCE_MEM_LIMIT_DEFAULT", "4Gi"),
        ("SEI_RESOURCE_MEM_LIMIT_REPLAYER", "13Gi"),
        ("SEI_RESOURCE_MEM_LIMIT_VALIDATOR", "10Gi"),
        ("SEI_RESOURCE_MEM_REPLAYER", "12Gi"),
        ("SEI_RESOURCE_MEM_VALIDATOR", "9Gi"),
        ("SEI_RPC_SERVERS", r#"{"pacific-1":["a.example:26657","b.example:26657"]}"#),
        ("SEI_SERVICE_ACCOUNT", "account"),
        ("SEI_SIDECAR_IMAGE", "sidecar:1"),
        ("SEI_SIDECAR_ROLLOUT", "Paced"),
        ("SEI_SIDECAR_ROLLOUT_MAX_UNAVAILABLE", "2"),
        ("SEI_SNAPSHOT_BUCKET", "snapshots"),
        ("SEI_SNAPSHOT_REGION", "region-s"),
        ("SEI_STORAGE_CLASS_ARCHIVE", "class-a"),
        ("SEI_STORAGE_CLASS_PERF", "class-d"),
        ("SEI_STORAGE_CLASS_REPLAYER", "class-r"),
        ("SEI_STORAGE_CLASS_VALIDATOR", "class-v"),
        ("SEI_STORAGE_SIZE_ARCHIVE", "4Ti"),
        ("SEI_STORAGE_SIZE_DEFAULT", "1Ti"),
        ("SEI_STORAGE_SIZE_REPLAYER", "6Ti"),
        ("SEI_STORAGE_SIZE_VALIDATOR", "5Ti"),
        ("SEI_TOLERATION_KEY", "key"),
    ];
    let wanted: BTreeMap<_, _> = wanted.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    assert_eq!(settings(&container), wanted);
    let without = json!({ "platform": { "images": { "proxy": "" } } });
    assert!(!settings(&self::container(&without).0).contains_key("SEI_KUBE_RBAC_PROXY_IMAGE"));
}

#[test]
fn no_token_for_sidecars_is_mounted() {
    let (container, pod) = container(&json!({}));
    assert!(arguments(&container).iter().all(|argument| !argument.starts_with("--sidecar-token-file")));
    assert!(!pod.to_string().contains("serviceAccountToken\""), "they are requested, each for one node");
}

#[test]
fn values_become_flags() {
    let values = json!({
        "watchNamespaces": ["a", "b"],
        "secretAccess": "named",
        "workers": 7,
        "log": { "format": "text", "level": "info,kube=debug" },
        "extraArgs": ["--sidecar-connect-to=a:1:b:2"],
    });
    let (container, _) = container(&values);
    let arguments = arguments(&container);
    for wanted in [
        "--watch-namespace=a",
        "--watch-namespace=b",
        "--secret-access=named",
        "--workers=7",
        "--log-format=text",
        "--log-level=info,kube=debug",
        "--sidecar-connect-to=a:1:b:2",
    ] {
        assert!(arguments.contains(&wanted), "{wanted} is not in {arguments:?}");
    }
}

#[test]
fn extra_flags_and_variables_replace_those_of_the_chart() {
    let values = json!({
        "log": { "level": "debug" },
        "watchNamespaces": ["a"],
        "extraArgs": ["--log-level=warn", "--workers=7", "--sidecar-connect-to=a:1:b:2", "--sidecar-connect-to=c:1:d:2"],
        "extraEnv": [
            { "name": "SEI_SIDECAR_IMAGE", "value": "other:1" },
            { "name": "SSL_CERT_FILE", "value": "/ca/ca.crt" },
        ],
        "volumes": [{ "name": "ca", "configMap": { "name": "ca" } }],
        "volumeMounts": [{ "name": "ca", "mountPath": "/ca" }],
    });
    let (container, pod) = container(&values);
    let arguments = arguments(&container);
    let given = |flag: &str| -> Vec<_> { arguments.iter().filter(|word| word.starts_with(flag)).collect() };
    assert_eq!(given("--log-level"), [&"--log-level=warn"]);
    assert_eq!(given("--workers"), [&"--workers=7"]);
    assert_eq!(given("--sidecar-connect-to").len(), 2);
    let names: Vec<_> = container["env"].as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names.iter().filter(|name| **name == "SEI_SIDECAR_IMAGE").count(), 1);
    assert_eq!(settings(&container)["SEI_SIDECAR_IMAGE"], "other:1");
    assert_eq!(container["volumeMounts"][0], json!({ "name": "ca", "mountPath": "/ca" }));
    assert_eq!(pod["volumes"][0]["name"], "ca");
}

#[test]
fn flags_that_other_objects_depend_on_are_not_replaced() {
    let (container, _) = container(&json!({ "watchNamespaces": ["a"] }));
    let replaceable = ["--workers", "--log-format", "--log-level"];
    for flag in arguments(&container).into_iter().skip(1).map(|word| word.split('=').next().unwrap()) {
        let rendered = chart::render(&json!({ "extraArgs": [format!("{flag}=x")] }));
        match replaceable.contains(&flag) {
            true => assert!(rendered.is_ok(), "{flag}"),
            false => {
                let refused = rendered.unwrap_err().to_string();
                assert!(refused.contains(&format!("extraArgs: {flag} cannot be replaced")), "{refused}");
            }
        }
    }
}

#[test]
fn each_release_has_its_own_lease_and_the_default_one_that_of_the_go_controller() {
    let lease = |name: &str, values: Value| {
        let values = json!({ "fullnameOverride": name, "leaderElection": values, "metrics": {
            "dashboard": { "enabled": true },
        } });
        let objects = chart::render(&values).unwrap();
        let deployment = find(&objects, "Deployment", name).unwrap();
        let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
        let lease = arguments.iter().find_map(|word| word.as_str()?.strip_prefix("--leader-election-id="));
        let lease = lease.unwrap().to_owned();
        let role = find(&objects, "Role", &format!("{name}-lease")).unwrap();
        assert_eq!(role["rules"][1]["resourceNames"], json!([lease]), "the Role is for that lease");
        // The leader metric has the name as a label.
        let dashboard = find(&objects, "ConfigMap", &format!("{name}-dashboard")).unwrap().to_string();
        assert!(dashboard.contains(&lease));
        assert!(lease == rbac::LEASE || !dashboard.contains(rbac::LEASE));
        lease
    };
    let own = json!({});
    assert_eq!(lease(RELEASE, own.clone()), rbac::LEASE);
    assert_eq!(lease("second", own), "second");
    assert_eq!(lease("second", json!({ "leaseName": rbac::LEASE })), rbac::LEASE);
}

#[test]
fn services_of_the_namespace_add_no_environment_variables() {
    assert_eq!(container(&json!({})).1["enableServiceLinks"], false);
}

#[test]
fn ports_probes_service_and_policy_use_the_same_listeners() {
    let (container, _) = container(&json!({}));
    let objects = chart::render(&json!({ "metrics": { "serviceMonitor": { "enabled": true } } })).unwrap();
    for port in container["ports"].as_array().unwrap() {
        let (name, number) = (port["name"].as_str().unwrap(), &port["containerPort"]);
        let flag = if name == "metrics" { "metrics-bind-address" } else { "health-probe-bind-address" };
        assert!(arguments(&container).contains(&format!("--{flag}=:{number}").as_str()));
    }
    assert_eq!(container["livenessProbe"]["httpGet"], json!({ "path": "/healthz", "port": "health" }));
    assert_eq!(container["readinessProbe"]["httpGet"], json!({ "path": "/readyz", "port": "health" }));
    let service = find(&objects, "Service", "sei-operator-metrics").unwrap();
    assert_eq!(service["spec"]["ports"][0]["targetPort"], "metrics");
    let monitor = find(&objects, "ServiceMonitor", RELEASE).unwrap();
    assert_eq!(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
    let policy = find(&objects, "NetworkPolicy", RELEASE).unwrap();
    let admitted: Vec<_> =
        policy["spec"]["ingress"].as_array().unwrap().iter().map(|rule| &rule["ports"][0]["port"]).collect();
    assert_eq!(admitted, ["metrics", "health"]);
}
