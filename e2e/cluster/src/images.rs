//! What is in each image of the platform and of the tests.
//!
//! Every archive is kept in the cache under the hash of what it is made from.

pub mod cert_manager;
pub mod dns;
pub mod everything;
pub mod go_everything;
pub mod program;
pub mod traefik;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::{self, Key};
use crate::oci::{self, Config, Tree};

/// The user of the images: "nonroot" by the convention of images without a distribution.
pub const NONROOT: &str = "65532:65532";

/// The archives that the cluster itself needs.
///
/// # Errors
/// One can't be built.
pub fn platform(checkout: &Path, built: &Path) -> Result<Vec<PathBuf>> {
    Ok(vec![
        program::archive(built, "pause", program::PAUSE)?,
        program::archive(built, "probe", program::PROBE)?,
        dns::archive(checkout)?,
        traefik::archive(checkout)?,
    ])
}

/// The archive of image `name` from the cache; `fill` puts its files into a tree, using a folder of its own.
fn cached(
    name: &str,
    key: Key,
    fill: impl FnOnce(&Path, &mut Tree) -> Result<Config>,
) -> Result<PathBuf> {
    let (repository, _) = name.split_once(':').unwrap_or((name, ""));
    let key = key
        .text("format", FORMAT)
        .text("name", name)
        .text("architecture", std::env::consts::ARCH);
    let folder = cache::get(&format!("image-{repository}"), &key, |out| {
        let work = out.join("work");
        std::fs::create_dir(&work).with_context(|| format!("create {}", work.display()))?;
        let mut tree = Tree::minimal_root()?;
        let config = fill(&work, &mut tree)?;
        oci::write(&name.parse()?, &tree, &config, &out.join("image.tar"))?;
        cache::remove(&work)
    })?;
    Ok(folder.join("image.tar"))
}

/// Part of every key: what [`crate::oci`] and this module put around the files. Raise it when that changes.
const FORMAT: &str = "2";
