//! The programs that run on the node, and their flags. Paths are those inside the node.

/// A program of the node.
pub(crate) struct Daemon {
    pub(crate) program: &'static str,
    pub(crate) arguments: &'static [&'static str],
}

pub(crate) const ETCD: Daemon = Daemon {
    program: "etcd",
    arguments: &[
        "--data-dir=/run/e2e/etcd",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--initial-advertise-peer-urls=http://127.0.0.1:2380",
        "--initial-cluster=default=http://127.0.0.1:2380",
        // No data has to survive a power failure.
        "--unsafe-no-fsync",
    ],
};

pub(crate) const CONTAINERD: Daemon =
    Daemon { program: "containerd", arguments: &["--config=/run/e2e/etc/containerd.toml"] };

pub(crate) const API_SERVER: Daemon = Daemon {
    program: "kube-apiserver",
    arguments: &[
        "--etcd-servers=http://127.0.0.1:2379",
        "--advertise-address=10.250.0.1",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--allow-privileged",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        // Admission policies that change objects, instead of a webhook.
        "--feature-gates=MutatingAdmissionPolicy=true",
        "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
        "--client-ca-file=/run/e2e/pki/ca.crt",
        "--tls-cert-file=/run/e2e/pki/apiserver.crt",
        "--tls-private-key-file=/run/e2e/pki/apiserver.key",
        "--kubelet-certificate-authority=/run/e2e/pki/ca.crt",
        "--kubelet-client-certificate=/run/e2e/pki/apiserver-kubelet.crt",
        "--kubelet-client-key=/run/e2e/pki/apiserver-kubelet.key",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--service-account-key-file=/run/e2e/pki/service-accounts.crt",
        "--service-account-signing-key-file=/run/e2e/pki/service-accounts.key",
        "--audit-policy-file=/run/e2e/etc/audit.yaml",
        "--audit-log-path=/run/e2e/log/audit.log",
        // In MB, so that everything stays in one file.
        "--audit-log-maxsize=10000",
    ],
};

pub(crate) const KUBELET: Daemon = Daemon {
    program: "kubelet",
    arguments: &[
        "--config=/run/e2e/etc/kubelet.yaml",
        "--kubeconfig=/run/e2e/kubelet.kubeconfig",
        "--root-dir=/run/e2e/kubelet",
        "--hostname-override=e2e",
        "--node-ip=10.250.0.1",
        // Where the operator schedules nodes by default.
        "--node-labels=karpenter.sh/nodepool=sei-node",
    ],
};

/// Started once the API server is ready.
pub(crate) const REST: &[Daemon] = &[
    Daemon {
        program: "kube-controller-manager",
        arguments: &[
            "--kubeconfig=/run/e2e/kube-controller-manager.kubeconfig",
            "--leader-elect=false",
            "--secure-port=0",
            "--use-service-account-credentials",
            "--root-ca-file=/run/e2e/pki/ca.crt",
            "--service-account-private-key-file=/run/e2e/pki/service-accounts.key",
            "--allocate-node-cidrs",
            "--cluster-cidr=10.244.0.0/16",
            // With the default of 20 per second the first ServiceAccounts take seconds.
            "--kube-api-qps=300",
            "--kube-api-burst=600",
        ],
    },
    Daemon {
        program: "kube-scheduler",
        arguments: &[
            "--kubeconfig=/run/e2e/kube-scheduler.kubeconfig",
            "--leader-elect=false",
            "--secure-port=0",
        ],
    },
    Daemon { program: "kube-proxy", arguments: &["--config=/run/e2e/etc/kube-proxy.yaml"] },
    Daemon { program: "coredns", arguments: &["-conf=/run/e2e/etc/Corefile"] },
];

/// Started once its CRDs are installed.
pub(crate) const CERT_MANAGER: Daemon =
    Daemon { program: "cert-manager", arguments: &["--kubeconfig=/run/e2e/cert-manager.kubeconfig"] };
