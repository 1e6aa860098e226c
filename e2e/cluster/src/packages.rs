//! The distribution's packages that the cluster stands on.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::exec;
use crate::progress::say;

/// What shows whether a package is there.
#[derive(Clone, Copy)]
enum Sign {
    /// A program of this name.
    Program(&'static str),
    /// This file.
    File(&'static str),
    /// `python3` can import it.
    Module(&'static str),
}

/// What the cluster runs on, then what makes the images and the clients of the tests. That there is a C compiler needs
/// no look: this program was linked by it.
const NEEDED: [(Sign, &str); 10] = [
    (Sign::Program("containerd"), "containerd"),
    (Sign::Program("runc"), "runc"),
    (
        Sign::File("/usr/lib/cni/bridge"),
        "containernetworking-plugins",
    ),
    (Sign::Program("iptables"), "iptables"),
    (Sign::Program("ip"), "iproute2"),
    (Sign::Program("conntrack"), "conntrack"),
    (Sign::Program("mount"), "mount"),
    (Sign::Program("strip"), "binutils"),
    (Sign::Module("pip"), "python3-pip"),
    (Sign::Module("ensurepip"), "python3-venv"),
];

/// Installs what is missing, and says so.
///
/// # Errors
/// apt-get fails, or this isn't Debian or a descendant.
pub fn install() -> Result<()> {
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|(sign, _)| !there(*sign))
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

fn there(sign: Sign) -> bool {
    match sign {
        Sign::Program(name) => exec::installed(name),
        Sign::File(path) => Path::new(path).exists(),
        Sign::Module(name) => exec::output("python3", &["-c", &format!("import {name}")]).is_ok(),
    }
}
