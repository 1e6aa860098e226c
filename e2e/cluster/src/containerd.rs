//! Images into the cluster's containerd.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{exec, place};

/// Imports an archive (OCI or `docker save`) where the kubelet looks for images.
///
/// # Errors
/// The archive can't be read, or containerd isn't there.
pub fn import(archive: &Path) -> Result<()> {
    let mut command = exec::command(
        "ctr",
        &["--address", place::CONTAINERD, "--namespace", "k8s.io"],
    );
    command.args(["images", "import"]).arg(archive);
    exec::capture(&mut command)
        .with_context(|| format!("import {}", archive.display()))
        .map(drop)
}

/// Whether containerd answers.
pub fn answers() -> Result<(), String> {
    exec::output(
        "ctr",
        &[
            "--address",
            place::CONTAINERD,
            "--connect-timeout",
            "1s",
            "version",
        ],
    )
    .map(drop)
    .map_err(|error| format!("{error:#}"))
}
