//! The archive around a layer: configuration, manifest, index.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use crate::cache::hex;
use crate::oci::{Name, Tree};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// How a container of the image is run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Config {
    /// `UID` or `UID:GID`. Numbers, or `runAsNonRoot` can't be checked.
    pub user: String,
    /// The program and its fixed arguments.
    pub entrypoint: Vec<String>,
    /// Arguments that a pod's `args` replace.
    pub cmd: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// The working folder; "" is the root.
    pub workdir: String,
}

/// Writes the archive and gives the manifest's digest, `sha256:…`.
///
/// # Errors
/// A file of the tree can't be read, or `out` can't be written.
pub fn write(name: &Name, tree: &Tree, config: &Config, out: &Path) -> Result<String> {
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let layer_file = out.with_extension("layer");
    let result = write_with(name, tree, config, out, &layer_file);
    let _ = fs::remove_file(&layer_file);
    result
}

fn write_with(
    name: &Name,
    tree: &Tree,
    config: &Config,
    out: &Path,
    layer_file: &Path,
) -> Result<String> {
    let layer = write_layer(tree, layer_file)?;
    let config = Blob::of(&config_json(config, &layer.digest));
    let manifest = Blob::of(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": [layer.descriptor("application/vnd.oci.image.layer.v1.tar")],
    }));
    let index = index_json(name, &manifest);
    let next = out.with_extension("next");
    pack(
        &next,
        &index,
        &[manifest.clone(), config],
        &layer,
        layer_file,
    )
    .with_context(|| format!("write {}", next.display()))?;
    fs::rename(&next, out).with_context(|| format!("rename {}", next.display()))?;
    Ok(format!("sha256:{}", manifest.digest))
}

/// The archive's own files: small ones first, so that a reader learns early what it has.
fn pack(
    file: &Path,
    index: &Value,
    blobs: &[Blob],
    layer: &Blob,
    layer_file: &Path,
) -> io::Result<()> {
    let mut archive = Builder::new(BufWriter::new(File::create(file)?));
    let mut add = |path: &str, size: u64, content: &mut dyn Read| {
        let mut header = Header::new_gnu();
        header.set_mtime(0);
        header.set_mode(0o644);
        header.set_size(size);
        archive.append_data(&mut header, path, content)
    };
    let layout = br#"{"imageLayoutVersion":"1.0.0"}"#;
    add("oci-layout", layout.len() as u64, &mut layout.as_slice())?;
    let index = index.to_string();
    add("index.json", index.len() as u64, &mut index.as_bytes())?;
    for blob in blobs {
        add(&blob.path(), blob.size, &mut blob.content.as_slice())?;
    }
    add(&layer.path(), layer.size, &mut File::open(layer_file)?)?;
    archive.into_inner()?.flush()
}

fn index_json(name: &Name, manifest: &Blob) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": MANIFEST,
            "digest": format!("sha256:{}", manifest.digest),
            "size": manifest.size,
            "annotations": {
                // What containerd names the image by.
                "io.containerd.image.name": name.to_string(),
                // What the specification has for it.
                "org.opencontainers.image.ref.name": name.to_string(),
            },
        }],
    })
}

fn config_json(config: &Config, layer_digest: &str) -> Value {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": config.user,
            "Entrypoint": config.entrypoint,
            "Cmd": config.cmd,
            "Env": config.env,
            "WorkingDir": if config.workdir.is_empty() { "/" } else { &config.workdir },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_digest}")] },
    })
}

/// Content with its address; a layer's content stays in its file.
#[derive(Clone)]
struct Blob {
    digest: String,
    size: u64,
    content: Vec<u8>,
}

impl Blob {
    fn of(value: &Value) -> Self {
        let content = value.to_string().into_bytes();
        Self {
            digest: hex(&Sha256::digest(&content)),
            size: content.len() as u64,
            content,
        }
    }

    fn path(&self) -> String {
        format!("blobs/sha256/{}", self.digest)
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": format!("sha256:{}", self.digest), "size": self.size })
    }
}

fn write_layer(tree: &Tree, file: &Path) -> Result<Blob> {
    let out = File::create(file).with_context(|| format!("create {}", file.display()))?;
    let mut hashing = Hashing {
        out: BufWriter::new(out),
        sha: Sha256::new(),
        size: 0,
    };
    tree.write(&mut hashing)?;
    Ok(Blob {
        digest: hex(&hashing.sha.finalize()),
        size: hashing.size,
        content: Vec::new(),
    })
}

/// Passes on what is written, and hashes and counts it.
struct Hashing<W> {
    out: W,
    sha: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sha.update(bytes.get(..written).unwrap_or_default());
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(folder: &Path, out: &str) -> Result<(String, Vec<u8>)> {
        fs::write(folder.join("program"), "#!/bin/true")?;
        let mut tree = Tree::minimal_root()?;
        tree.add(Path::new("/bin/program"), &folder.join("program"))?;
        let config = Config {
            user: "65532:65532".to_owned(),
            entrypoint: vec!["/bin/program".to_owned()],
            ..Config::default()
        };
        let file = folder.join(out);
        let digest = write(&"x:dev".parse()?, &tree, &config, &file)?;
        Ok((digest, fs::read(file)?))
    }

    #[test]
    fn the_same_files_give_the_same_bytes_at_another_time() -> Result<()> {
        let (one, two) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let first = image(one.path(), "a.tar")?;
        fs::File::open(one.path().join("program"))?.set_modified(std::time::UNIX_EPOCH)?;
        assert_eq!(first, image(one.path(), "b.tar")?);
        assert_eq!(first, image(two.path(), "c.tar")?);
        Ok(())
    }

    #[test]
    fn every_blob_is_named_by_its_own_hash_and_the_index_names_the_image() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (digest, bytes) = image(folder.path(), "a.tar")?;
        let mut blobs = 0;
        for entry in tar::Archive::new(bytes.as_slice()).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.display().to_string();
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            if let Some(hash) = path.strip_prefix("blobs/sha256/") {
                assert_eq!(hash, hex(&Sha256::digest(&content)));
                blobs += 1;
            }
            if path == "index.json" {
                let index: Value = serde_json::from_slice(&content)?;
                let entry = &index["manifests"][0];
                assert_eq!(entry["digest"], digest.as_str());
                assert_eq!(
                    entry["annotations"]["io.containerd.image.name"],
                    "docker.io/library/x:dev"
                );
            }
        }
        assert_eq!(blobs, 3);
        Ok(())
    }
}
