//! The name server's image: CoreDNS, built from `e2e/kube/dns`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cache::Key;
use crate::golang;
use crate::images::{NONROOT, cached};
use crate::oci::Config;

/// As in manifests/dns.yaml.
pub const NAME: &str = "mcp-cluster-dns:1.14.0";

/// The image's archive.
///
/// # Errors
/// Go is missing, or the module doesn't build.
pub fn archive(checkout: &Path) -> Result<PathBuf> {
    let module = checkout.join("e2e/kube/dns");
    let key = Key::default().text("toolchain", &golang::toolchain()?);
    let key = golang::sources(key, &module)?;
    cached(NAME, key, |work, tree| {
        let program = work.join("dns");
        golang::build(&module, ".", "-s -w", &program)?;
        tree.add(Path::new("/dns"), &program)?;
        Ok(Config {
            user: NONROOT.to_owned(),
            entrypoint: vec!["/dns".to_owned()],
            ..Config::default()
        })
    })
}
