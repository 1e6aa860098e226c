//! The programs of Kubernetes, built from the Go module in `e2e/kube`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::{self, Key};
use crate::{golang, place};

/// The names that the one binary is called by.
const PROGRAMS: [&str; 8] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
    "credentials",
];

/// What is built: each package and its program.
const PACKAGES: [(&str, &str); 4] = [
    (".", "kube"),
    ("./netpol", NETPOL),
    ("./pause", "pause"),
    ("./probe", "probe"),
];
/// Enforces NetworkPolicies.
pub const NETPOL: &str = "netpol";

/// Builds the programs, or takes them from the cache: a folder with `kube`, `netpol`, `pause` and `probe`.
///
/// # Errors
/// Go is missing, or the module doesn't build.
pub fn build(checkout: &Path) -> Result<PathBuf> {
    let module = checkout.join("e2e/kube");
    let go_mod = fs::read_to_string(module.join("go.mod")).context("read e2e/kube/go.mod")?;
    let flags = linker_flags(
        required(&go_mod, "k8s.io/kubernetes")
            .context("e2e/kube/go.mod has no k8s.io/kubernetes")?,
    );
    let key = Key::default()
        .text("toolchain", &golang::toolchain()?)
        .text("flags", &flags);
    let key = golang::sources(key, &module)?;
    cache::get("kube", &key, |out| {
        for (package, name) in PACKAGES {
            golang::build(&module, package, &flags, &out.join(name))?;
        }
        Ok(())
    })
}

/// Puts the node's programs into the cluster's folder, the one that is many under each of its names. Copies, so that
/// clearing the cache leaves a running cluster alone.
///
/// # Errors
/// The folder can't be written.
pub fn place(built: &Path) -> Result<()> {
    let bin = place::path("bin");
    fs::create_dir_all(&bin).with_context(|| format!("create {}", bin.display()))?;
    for program in ["kube", NETPOL] {
        let (from, to) = (built.join(program), bin.join(program));
        if fs::hard_link(&from, &to).is_err() {
            fs::copy(&from, &to)
                .with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
        }
    }
    for program in PROGRAMS {
        symlink("kube", bin.join(program)).with_context(|| format!("link {program}"))?;
    }
    Ok(())
}

/// The version that go.mod requires of a module.
fn required<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    let mut lines = go_mod
        .lines()
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    lines.find_map(|words| match words.as_slice() {
        [name, version, ..] if *name == module => Some(*version),
        _ => None,
    })
}

/// A binary from the module cache doesn't know its version; clients decide by it what they may ask.
fn linker_flags(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    let mut flags = vec!["-s".to_owned(), "-w".to_owned()];
    for package in [
        "k8s.io/component-base/version",
        "k8s.io/client-go/pkg/version",
    ] {
        for (name, value) in [
            ("gitVersion", version),
            ("gitMajor", major),
            ("gitMinor", minor),
            ("gitTreeState", "clean"),
        ] {
            flags.push(format!("-X {package}.{name}={value}"));
        }
    }
    flags.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_required_module() {
        let go_mod = "require (\n\tk8s.io/kubectl v0.34.4\n\tk8s.io/kubernetes v1.34.4\n)\n";
        assert_eq!(required(go_mod, "k8s.io/kubernetes"), Some("v1.34.4"));
        assert_eq!(required(go_mod, "k8s.io/api"), None);
    }

    #[test]
    fn the_binary_is_told_its_version() {
        let flags = linker_flags("v1.34.4");
        for part in [
            "-s -w",
            "component-base/version.gitVersion=v1.34.4",
            "client-go/pkg/version.gitMinor=34",
        ] {
            assert!(flags.contains(part), "{part} is missing in {flags}");
        }
    }
}
