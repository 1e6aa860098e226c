//! Whole objects compared with files; `UPDATE_GOLDEN=1` writes them anew.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One case: a folder under `tests/golden`.
pub(crate) struct Case {
    folder: PathBuf,
}

impl Case {
    pub(crate) fn new(name: &str) -> Self {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        Self {
            folder: golden.join(name),
        }
    }

    /// The documents of `in.yaml`.
    pub(crate) fn input(&self) -> Vec<Value> {
        let path = self.folder.join("in.yaml");
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    }

    /// The same documents in `out.yaml`.
    #[track_caller]
    pub(crate) fn expect<T: Serialize>(&self, documents: &[T]) {
        let path = self.folder.join("out.yaml");
        let texts: Vec<String> = documents
            .iter()
            .map(|document| serde_saphyr::to_string(document).unwrap())
            .collect();
        let text = texts.join("---\n");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, text).unwrap();
            return;
        }
        let wanted = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            wanted == text,
            "{} differs; UPDATE_GOLDEN=1 writes it anew.\n--- found:\n{text}",
            path.display()
        );
    }
}

/// The documents of one kind.
pub(crate) fn of_kind<K: DeserializeOwned>(documents: &[Value], kind: &str) -> Vec<K> {
    documents
        .iter()
        .filter(|document| document["kind"] == kind)
        .map(|document| serde_json::from_value(document.clone()).unwrap())
        .collect()
}
