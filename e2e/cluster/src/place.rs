//! Where the cluster lies on this machine and which addresses it has.
//!
//! Constants rather than settings: there is one cluster a machine, and the files under `config/` spell the same
//! values out (a test holds the two together).

use std::path::{Path, PathBuf};

/// The folder of everything the cluster writes.
pub const ROOT: &str = "/var/lib/mcp-runtime-cluster";
/// The one node's name.
pub const NODE: &str = "node";
/// The bridge that pods hang on.
pub const BRIDGE: &str = "mcp0";
/// The node's address: the bridge's, so that pods and host both reach what listens on it, and nobody else does.
///
/// Pods and Services are in 198.18.0.0/15, which RFC 2544 reserves for benchmarks: neither private nor anyone's,
/// so it collides with no network that this machine is in.
pub const NODE_IP: &str = "198.18.0.1";
/// The bridge's address with its prefix length.
pub const NODE_CIDR: &str = "198.18.0.1/16";
/// Pods' addresses.
pub const POD_CIDR: &str = "198.18.0.0/16";
/// Services' addresses.
pub const SERVICE_CIDR: &str = "198.19.0.0/16";
/// Service `default/kubernetes`: the first of [`SERVICE_CIDR`].
pub const API_SERVICE_IP: &str = "198.19.0.1";
/// The cluster's name server.
pub const DNS_IP: &str = "198.19.0.10";
/// The API server's URL, for the host as for pods.
pub const API_SERVER: &str = "https://198.18.0.1:6443";
/// etcd's client address. Not 2379: a machine may have an etcd of its own.
pub const ETCD: &str = "127.0.0.1:22379";
/// etcd's peer address; nobody calls it.
pub const ETCD_PEER: &str = "127.0.0.1:22380";
/// Where Traefik's entry point `web` is reached.
pub const MCP_URL: &str = "http://198.18.0.1:30080";
/// containerd's socket.
pub const CONTAINERD: &str = "/var/lib/mcp-runtime-cluster/containerd.sock";

/// A path under [`ROOT`].
pub fn path(below: impl AsRef<Path>) -> PathBuf {
    Path::new(ROOT).join(below)
}

/// The administrator's kubeconfig.
pub fn kubeconfig() -> PathBuf {
    credential("admin.kubeconfig")
}

/// A file that `credentials` of the Go module writes.
pub fn credential(file: &str) -> PathBuf {
    path("credentials").join(file)
}

/// A program of the cluster's version, by the name it is called by.
pub fn program(name: &str) -> PathBuf {
    path("bin").join(name)
}

/// A component's log.
pub fn log(component: &str) -> PathBuf {
    path("logs").join(format!("{component}.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_files_spell_out_the_same_place() {
        let says = |file: &str, values: &[&str]| {
            for value in values {
                assert!(file.contains(value), "{value} is missing in:\n{file}");
            }
        };
        says(
            include_str!("../config/containerd.toml"),
            &[ROOT, CONTAINERD],
        );
        says(
            include_str!("../config/cni.conflist"),
            &[ROOT, BRIDGE, NODE_IP, POD_CIDR],
        );
        says(
            include_str!("../config/kubelet.yaml"),
            &[ROOT, CONTAINERD, NODE_IP, DNS_IP],
        );
        says(include_str!("../manifests/dns.yaml"), &[DNS_IP]);
        says(include_str!("../../lib.sh"), &[ROOT]);
        says(
            include_str!("../config/kube-proxy.yaml"),
            &[ROOT, POD_CIDR, NODE_IP],
        );
        says(
            include_str!("../manifests/traefik.yaml"),
            &[NODE_IP, "nodePort: 30080"],
        );
        assert!(
            MCP_URL.ends_with(":30080")
                && MCP_URL.contains(NODE_IP)
                && API_SERVER.contains(NODE_IP)
        );
        assert!(NODE_CIDR.starts_with(NODE_IP));
    }
}
