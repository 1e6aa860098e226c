//! The official Go SDK's conformance server: small, static, and stateless unless told otherwise.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cache::Key;
use crate::golang;
use crate::images::{NONROOT, cached};
use crate::oci::Config;

/// The image's name.
pub const NAME: &str = "mcp-go-everything:dev";
const PACKAGE: &str = "github.com/modelcontextprotocol/go-sdk/conformance/everything-server";

/// The image's archive.
///
/// # Errors
/// Go is missing, or the module doesn't build.
pub fn archive(checkout: &Path) -> Result<PathBuf> {
    let module = checkout.join("e2e/cluster/images/go-everything");
    let key = Key::default()
        .text("toolchain", &golang::toolchain()?)
        .file(&module.join("go.mod"))?
        .file(&module.join("go.sum"))?;
    cached(NAME, key, |work, tree| {
        let program = work.join("everything-server");
        golang::build(&module, PACKAGE, "-s -w", &program)?;
        tree.add(Path::new("/everything-server"), &program)?;
        Ok(Config {
            user: NONROOT.to_owned(),
            // The address is fixed, the mode isn't: a pod's args come behind.
            entrypoint: ["/everything-server", "-http", ":8088"]
                .map(str::to_owned)
                .to_vec(),
            ..Config::default()
        })
    })
}
