//! Manifests on disk, and golden files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mcp_crds::{Kind, Manifest, Settings, read};
use serde_json::Value;

/// The settings that the examples are written for.
pub(crate) fn settings() -> Settings {
    Settings {
        proxy_images: vec!["mcp-runtime:dev".into()],
        ..Settings::default()
    }
}

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The YAML files of a folder of the crate, by name.
pub(crate) fn yaml_files(folder_name: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder(folder_name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder_name} has no YAML files");
    files
}

/// The documents of a file.
pub(crate) fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every manifest of ours in a file, which must have the shape of its kind.
pub(crate) fn manifests(path: &Path) -> Vec<Manifest> {
    let read = |document: &Value| {
        read(document).unwrap_or_else(|problems| panic!("{}: {problems}", path.display()))
    };
    let documents = documents(path);
    let ours = documents
        .iter()
        .filter(|document| Kind::of(document).is_some());
    ours.map(read).collect()
}

/// Compares with a file of the repository; `UPDATE_GOLDEN=1` writes it instead.
pub(crate) fn golden(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} isn't current; run with UPDATE_GOLDEN=1 and look at the difference",
        path.display()
    );
}

/// Compares the comment that a manifest begins with, whose lines are `told`.
pub(crate) fn golden_head(path: &Path, told: &str) {
    let text = fs::read_to_string(path).unwrap();
    let manifest: String = text
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| format!("{line}\n"))
        .collect();
    golden(path, &format!("{told}{manifest}"));
}
