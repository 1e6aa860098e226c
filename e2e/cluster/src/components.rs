//! The processes of the control plane and the node: how each is called.

use std::process::Command;

use crate::place::{self, credential, path};
use crate::{exec, kube};

/// A program to start.
pub struct Component {
    /// The name it is recorded and logged by.
    pub name: &'static str,
    program: &'static str,
    args: Vec<String>,
}

impl Component {
    /// The command that runs it.
    pub fn command(&self) -> Command {
        let own = place::program(self.program);
        let program = if own.exists() {
            own
        } else {
            self.program.into()
        };
        exec::command(program, &self.args)
    }
}

/// The store. Nothing in it outlives the cluster, so it needn't wait for the disk.
pub fn etcd() -> Component {
    let flags = [
        ("name", "node".to_owned()),
        ("data-dir", shown("etcd")),
        ("listen-client-urls", format!("http://{}", place::ETCD)),
        ("advertise-client-urls", format!("http://{}", place::ETCD)),
        ("listen-peer-urls", format!("http://{}", place::ETCD_PEER)),
        (
            "initial-advertise-peer-urls",
            format!("http://{}", place::ETCD_PEER),
        ),
        (
            "initial-cluster",
            format!("node=http://{}", place::ETCD_PEER),
        ),
        ("unsafe-no-fsync", "true".to_owned()),
        ("quota-backend-bytes", (4_u64 << 30).to_string()),
        ("auto-compaction-retention", "5m".to_owned()),
        ("log-level", "warn".to_owned()),
    ];
    component("etcd", "etcd", &flags)
}

/// The API server, on the bridge's address: there pods reach it through Service `kubernetes`.
pub fn apiserver() -> Component {
    let flags = [
        ("advertise-address", place::NODE_IP.to_owned()),
        ("bind-address", place::NODE_IP.to_owned()),
        ("secure-port", "6443".to_owned()),
        ("etcd-servers", format!("http://{}", place::ETCD)),
        ("service-cluster-ip-range", place::SERVICE_CIDR.to_owned()),
        ("authorization-mode", "Node,RBAC".to_owned()),
        (
            "enable-admission-plugins",
            "NodeRestriction,PodSecurity".to_owned(),
        ),
        ("allow-privileged", "true".to_owned()),
        ("client-ca-file", shown_credential("ca.crt")),
        ("tls-cert-file", shown_credential("apiserver.crt")),
        ("tls-private-key-file", shown_credential("apiserver.key")),
        (
            "service-account-issuer",
            "https://kubernetes.default.svc.cluster.local".to_owned(),
        ),
        (
            "service-account-key-file",
            shown_credential("service-account.key"),
        ),
        (
            "service-account-signing-key-file",
            shown_credential("service-account.key"),
        ),
        ("kubelet-certificate-authority", shown_credential("ca.crt")),
        (
            "kubelet-client-certificate",
            shown_credential("apiserver-kubelet-client.crt"),
        ),
        (
            "kubelet-client-key",
            shown_credential("apiserver-kubelet-client.key"),
        ),
        ("kubelet-preferred-address-types", "InternalIP".to_owned()),
        ("requestheader-client-ca-file", shown_credential("ca.crt")),
        (
            "requestheader-allowed-names",
            "front-proxy-client".to_owned(),
        ),
        ("requestheader-username-headers", "X-Remote-User".to_owned()),
        ("requestheader-group-headers", "X-Remote-Group".to_owned()),
        (
            "requestheader-extra-headers-prefix",
            "X-Remote-Extra-".to_owned(),
        ),
        (
            "proxy-client-cert-file",
            shown_credential("front-proxy-client.crt"),
        ),
        (
            "proxy-client-key-file",
            shown_credential("front-proxy-client.key"),
        ),
        ("profiling", "false".to_owned()),
    ];
    component("kube-apiserver", "kube-apiserver", &flags)
}

/// The controllers, each with its own service account, as RBAC expects them.
pub fn controller_manager() -> Component {
    let config = shown_credential("kube-controller-manager.kubeconfig");
    let flags = [
        ("kubeconfig", config.clone()),
        ("authentication-kubeconfig", config.clone()),
        ("authorization-kubeconfig", config),
        ("bind-address", "127.0.0.1".to_owned()),
        ("use-service-account-credentials", "true".to_owned()),
        (
            "service-account-private-key-file",
            shown_credential("service-account.key"),
        ),
        ("root-ca-file", shown_credential("ca.crt")),
        ("cluster-signing-cert-file", shown_credential("ca.crt")),
        ("cluster-signing-key-file", shown_credential("ca.key")),
        ("leader-elect", "false".to_owned()),
        ("profiling", "false".to_owned()),
    ];
    component("kube-controller-manager", "kube-controller-manager", &flags)
}

/// The scheduler; with one node it has little to choose but still places every pod.
pub fn scheduler() -> Component {
    let config = shown_credential("kube-scheduler.kubeconfig");
    let flags = [
        ("kubeconfig", config.clone()),
        ("authentication-kubeconfig", config.clone()),
        ("authorization-kubeconfig", config),
        ("bind-address", "127.0.0.1".to_owned()),
        ("leader-elect", "false".to_owned()),
        ("profiling", "false".to_owned()),
    ];
    component("kube-scheduler", "kube-scheduler", &flags)
}

/// Service addresses, for pods and, since it writes rules of the host itself, for the API server's webhook calls.
pub fn kube_proxy() -> Component {
    component(
        "kube-proxy",
        "kube-proxy",
        &[("config", shown("kube-proxy.yaml"))],
    )
}

/// NetworkPolicies, which the bridge by itself lets pass unread.
pub fn netpol() -> Component {
    let config = shown_credential("admin.kubeconfig");
    component(kube::NETPOL, kube::NETPOL, &[("kubeconfig", config)])
}

/// The container runtime.
pub fn containerd() -> Component {
    component(
        "containerd",
        "containerd",
        &[("config", shown("containerd.toml"))],
    )
}

/// The node's agent.
pub fn kubelet() -> Component {
    let flags = [
        ("config", shown("kubelet.yaml")),
        ("kubeconfig", shown_credential("kubelet.kubeconfig")),
        ("root-dir", shown("kubelet")),
        ("hostname-override", place::NODE.to_owned()),
        ("node-ip", place::NODE_IP.to_owned()),
    ];
    component("kubelet", "kubelet", &flags)
}

fn component(name: &'static str, program: &'static str, flags: &[(&str, String)]) -> Component {
    let args = flags
        .iter()
        .map(|(flag, value)| format!("--{flag}={value}"))
        .collect();
    Component {
        name,
        program,
        args,
    }
}

fn shown(below: &str) -> String {
    path(below).display().to_string()
}

fn shown_credential(file: &str) -> String {
    credential(file).display().to_string()
}
