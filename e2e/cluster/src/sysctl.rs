//! Kernel settings that a cluster changes, remembered and put back.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// What we, the kubelet and kube-proxy write.
const CHANGED: [&str; 10] = [
    "net/ipv4/ip_forward",
    "net/bridge/bridge-nf-call-iptables",
    "net/ipv4/conf/all/route_localnet",
    "fs/inotify/max_user_instances",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];

/// The settings as they are now; one that this kernel lacks is left out.
pub fn remember() -> BTreeMap<String, String> {
    let read = |name: &str| {
        Some((
            name.to_owned(),
            fs::read_to_string(file(name)).ok()?.trim().to_owned(),
        ))
    };
    CHANGED.into_iter().filter_map(read).collect()
}

/// Lets this machine forward packets, and the packet filter see what crosses the bridge: without the second, the
/// answer of a pod reached by its Service comes from the wrong address. Raises the number of watchers that one user
/// may have, because hundreds of pods run as the same one here.
///
/// # Errors
/// A setting can't be written.
pub fn prepare() -> Result<()> {
    for (name, value, hint) in [
        (
            "net/ipv4/ip_forward",
            "1",
            "may this process change the network?",
        ),
        (
            "net/bridge/bridge-nf-call-iptables",
            "1",
            "is the kernel module br_netfilter there?",
        ),
        (
            "fs/inotify/max_user_instances",
            "8192",
            "may this process change kernel settings?",
        ),
    ] {
        fs::write(file(name), value).with_context(|| format!("set {name} to {value}: {hint}"))?;
    }
    Ok(())
}

/// Puts remembered settings back, as far as they differ.
pub fn restore(before: &BTreeMap<String, String>) {
    for (name, value) in before {
        if fs::read_to_string(file(name)).is_ok_and(|now| now.trim() != value) {
            // A setting that went with its module needs no restoring.
            let _ = fs::write(file(name), value);
        }
    }
}

fn file(name: &str) -> PathBuf {
    PathBuf::from("/proc/sys").join(name)
}
