//! Images of one static program of `e2e/kube` each.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cache::Key;
use crate::images::{NONROOT, cached};
use crate::oci::Config;

/// What holds a pod's namespaces open; named in config/containerd.toml.
pub const PAUSE: &str = "mcp-cluster-pause:1";
/// The smoke test's workload.
pub const PROBE: &str = "mcp-cluster-probe:1";

/// The image `name` of a program in the folder that [`crate::kube::build`] gave.
///
/// # Errors
/// The program isn't there, or the cache can't be written.
pub fn archive(built: &Path, program: &str, name: &str) -> Result<PathBuf> {
    let file = built.join(program);
    cached(name, Key::default().file(&file)?, |_, tree| {
        let inside = Path::new("/").join(program);
        tree.add(&inside, &file)?;
        Ok(Config {
            user: NONROOT.to_owned(),
            entrypoint: vec![inside.display().to_string()],
            ..Config::default()
        })
    })
}
