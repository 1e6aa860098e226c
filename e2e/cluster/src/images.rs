//! What is in each image of the platform and of the tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::{self, Key};
use crate::oci::{self, Config, Tree};

/// The user that nothing runs as by default, by convention of "distroless" images.
pub const NONROOT: &str = "65532:65532";
/// What a pod's namespaces hang on; named in config/containerd.toml.
pub const PAUSE: &str = "mcp-cluster-pause:1";
/// The smoke test's workload.
pub const PROBE: &str = "mcp-cluster-probe:1";

/// An image of one static program, from the folder that [`crate::kube::build`] gave.
///
/// # Errors
/// The program isn't there, or the cache can't be written.
pub fn program(built: &Path, program: &str, name: &str) -> Result<PathBuf> {
    let file = built.join(program);
    let key = Key::default().text("format", FORMAT).text("name", name).file(&file)?;
    let folder = cache::get(&format!("image-{program}"), &key, |out| {
        let mut tree = Tree::minimal_root()?;
        tree.add(&Path::new("/").join(program), &file)?;
        let config = Config { user: NONROOT.to_owned(), entrypoint: vec![format!("/{program}")], ..Config::default() };
        oci::write(&name.parse().context("image name")?, &tree, &config, &out.join("image.tar")).map(drop)
    })?;
    Ok(folder.join("image.tar"))
}

/// Part of every key: what [`crate::oci`] writes around the files. Raise it when that changes.
pub(crate) const FORMAT: &str = "1";
