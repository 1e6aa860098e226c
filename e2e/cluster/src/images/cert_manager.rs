//! cert-manager's controller, built from `e2e/cert-manager`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::Key;
use crate::images::{NONROOT, cached};
use crate::oci::Config;
use crate::{exec, golang};

/// As in manifests/cert-manager.yaml.
pub const NAME: &str = "mcp-cert-manager:1.21.2";
const MODULE: &str = "github.com/cert-manager/cert-manager";

/// The image's archive.
///
/// # Errors
/// Go is missing, or the module doesn't build.
pub fn archive(checkout: &Path) -> Result<PathBuf> {
    let module = folder(checkout);
    let key = Key::default().text("toolchain", &golang::toolchain()?);
    let key = golang::sources(key, &module)?;
    cached(NAME, key, |work, tree| {
        let program = work.join("cert-manager");
        golang::build(&module, ".", "-s -w", &program)?;
        tree.add(Path::new("/cert-manager"), &program)?;
        Ok(Config {
            user: NONROOT.to_owned(),
            entrypoint: vec!["/cert-manager".to_owned()],
            ..Config::default()
        })
    })
}

/// Its resource definitions, as the module has them.
///
/// # Errors
/// The module can't be had.
pub fn resources(checkout: &Path) -> Result<Vec<String>> {
    let mut list = exec::command("go", &["list", "-m", "-f", "{{.Dir}}", MODULE]);
    list.current_dir(folder(checkout))
        .env("GOTOOLCHAIN", "local");
    let mut root = exec::capture(&mut list)?;
    if root.trim().is_empty() {
        // Built on another day: the cache has the image, and Go hasn't the module.
        let mut download = exec::command("go", &["mod", "download", MODULE]);
        exec::show(download.current_dir(folder(checkout)))?;
        root = exec::capture(&mut list)?;
    }
    let folder = Path::new(root.trim()).join("deploy/crds");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .with_context(|| format!("list {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    let read = |file: &PathBuf| {
        fs::read_to_string(file).with_context(|| format!("read {}", file.display()))
    };
    files.iter().map(read).collect()
}

fn folder(checkout: &Path) -> PathBuf {
    checkout.join("e2e/cert-manager")
}
