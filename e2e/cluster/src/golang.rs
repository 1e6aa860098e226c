//! Building Go programs: static, and with nothing in them of the folder they were built in.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::Key;
use crate::exec;

/// What decides about a build besides its sources: Go's version and the platform.
///
/// # Errors
/// Go is missing.
pub fn toolchain() -> Result<String> {
    exec::output("go", &["env", "GOVERSION", "GOOS", "GOARCH"])
}

/// Adds to a key what a module is built from: its go.mod, its go.sum and all Go files but tests. A folder with a go.mod
/// of its own is another module.
///
/// # Errors
/// Something can't be read.
pub fn sources(mut key: Key, folder: &Path) -> Result<Key> {
    for name in names(folder).with_context(|| format!("list {}", folder.display()))? {
        let (path, name) = (folder.join(&name), name.to_string_lossy());
        if path.is_dir() && !path.join("go.mod").exists() {
            key = sources(key.text("folder", &name), &path)?.text("folder", "..");
        } else if path.is_file() && is_source(&name) {
            key = key.file(&path)?;
        }
    }
    Ok(key)
}

fn names(folder: &Path) -> std::io::Result<Vec<OsString>> {
    let entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    let mut names: Vec<OsString> = entries.iter().map(fs::DirEntry::file_name).collect();
    names.sort();
    Ok(names)
}

fn is_source(name: &str) -> bool {
    ["go.mod", "go.sum"].contains(&name) || (name.ends_with(".go") && !name.ends_with("_test.go"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_changes_with_every_source_and_with_nothing_else() -> Result<()> {
        let module = tempfile::tempdir()?;
        let key = || sources(Key::default(), module.path()).map(|key| key.digits());
        let write = |file: &str| {
            let file = module.path().join(file);
            fs::create_dir_all(file.parent().unwrap())?;
            fs::write(file, "package x")
        };
        write("go.mod")?;
        for file in ["main.go", "inner/main.go", "inner/rules.go", "go.sum"] {
            let before = key()?;
            write(file)?;
            assert_ne!(key()?, before, "{file}");
        }
        for file in [
            "inner/rules_test.go",
            "README.md",
            "other/go.mod",
            "other/main.go",
        ] {
            let before = key()?;
            write(file)?;
            assert_eq!(key()?, before, "{file}");
        }
        Ok(())
    }
}
