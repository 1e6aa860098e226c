//! Building Go programs: static, and with nothing in them of the folder they were built in.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::exec;

/// What decides about a build besides its sources: Go's version and the platform.
///
/// # Errors
/// Go is missing.
pub fn toolchain() -> Result<String> {
    exec::output("go", &["env", "GOVERSION", "GOOS", "GOARCH"])
}

/// Builds `package` of the module in folder `module` into the file `out`.
///
/// # Errors
/// Go is missing, or the package doesn't build.
pub fn build(module: &Path, package: &str, linker_flags: &str, out: &Path) -> Result<()> {
    let flags = [
        "build",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags",
        linker_flags,
        "-o",
    ];
    let mut go: Command = exec::command("go", &flags);
    // The sources say which Go they need; another one isn't fetched for them.
    go.arg(out)
        .arg(package)
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local");
    exec::show(&mut go)
}
