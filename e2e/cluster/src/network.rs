//! The bridge that the node and its pods share.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::place::{BRIDGE, NODE_CIDR, path};
use crate::{exec, firewall, sysctl};

/// Makes the bridge with the node's address, and what forwards over it.
///
/// # Errors
/// `ip`, iptables or the kernel refuses.
pub fn create() -> Result<()> {
    ip(&["link", "add", BRIDGE, "type", "bridge"])?;
    ip(&["addr", "add", NODE_CIDR, "dev", BRIDGE])?;
    ip(&["link", "set", BRIDGE, "up"])?;
    sysctl::prepare()?;
    firewall::accept_forwarding()?;
    let folder = path("cni");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let file = folder.join("10-bridge.conflist");
    fs::write(&file, include_str!("../config/cni.conflist"))
        .with_context(|| format!("write {}", file.display()))
}

/// Removes the bridge and the pods' ends of it.
///
/// # Errors
/// `ip` refuses.
pub fn remove() -> Result<()> {
    for link in links() {
        // A pod's end goes by itself when its namespace does, perhaps between the listing and this.
        let _ = ip(&["link", "del", &link]);
    }
    if exists() {
        ip(&["link", "del", BRIDGE])?;
    }
    Ok(())
}

/// Makes the kernel forget the connections of pods and Services, once nobody is left to open new ones.
pub fn forget_connections() {
    for side in ["--orig-src", "--orig-dst"] {
        // It fails where there is nothing to delete; where the tool is missing, they run out by themselves.
        let _ = exec::output("conntrack", &["-D", side, "198.18.0.0/15"]);
    }
}

/// Whether the bridge is there.
pub fn exists() -> bool {
    Path::new("/sys/class/net").join(BRIDGE).exists()
}

/// Interfaces on the bridge.
fn links() -> Vec<String> {
    let folder = Path::new("/sys/class/net").join(BRIDGE).join("brif");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

fn ip(args: &[&str]) -> Result<()> {
    exec::output("ip", args).map(drop)
}
