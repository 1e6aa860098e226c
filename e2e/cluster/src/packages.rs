//! The distribution's packages that the cluster stands on.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::exec;
use crate::progress::say;

/// A file that shows whether a package is there: a program's name, or an absolute path.
const NEEDED: [(&str, &str); 7] = [
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("conntrack", "conntrack"),
    ("mount", "mount"),
];

/// Installs what is missing, and says so.
///
/// # Errors
/// apt-get fails, or this isn't Debian or a descendant.
pub fn install() -> Result<()> {
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|(shown_by, _)| !there(shown_by))
        .map(|(_, name)| name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !exec::installed("apt-get") {
        bail!(
            "missing here: {}; install them, this machine has no apt-get",
            missing.join(", ")
        );
    }
    say(&format!(
        "           installing with apt-get: {}",
        missing.join(" ")
    ));
    apt(&["update", "-qq"])?;
    apt(&[
        &[
            "install",
            "-y",
            "-qq",
            "-o=Dpkg::Use-Pty=0",
            "--no-install-recommends",
        ],
        missing.as_slice(),
    ]
    .concat())
}

/// Runs apt-get with its output on stderr.
///
/// # Errors
/// It fails.
pub fn apt(args: &[&str]) -> Result<()> {
    let mut command: Command = exec::command("apt-get", args);
    exec::show(command.env("DEBIAN_FRONTEND", "noninteractive"))
}

fn there(shown_by: &str) -> bool {
    if shown_by.starts_with('/') {
        Path::new(shown_by).exists()
    } else {
        exec::installed(shown_by)
    }
}
