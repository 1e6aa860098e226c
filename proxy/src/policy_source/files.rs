//! The policy's files: the document, and the session shards beside it.

use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

use policy::{SESSION_SHARDS, ShardFault, read_shard, shard_file};

/// One state of the files. The kubelet renews all of them by one rename of a link, so links are
/// followed once and everything is read in the folder they led to.
#[derive(Debug)]
pub(crate) struct Files {
    /// The document's bytes.
    pub(crate) document: Vec<u8>,
    file: PathBuf,
}

impl Files {
    /// Reads the document.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let file = std::fs::canonicalize(path)?;
        let document = std::fs::read(&file)?;
        Ok(Self { document, file })
    }

    /// The bytes of a shard.
    ///
    /// # Errors
    /// When it isn't there, can't be read, or is larger than a shard.
    pub(crate) fn shard(&self, name: &str) -> Result<Vec<u8>, ShardFault> {
        read_shard(File::open(self.file.with_file_name(name))?)
    }

    /// Whether the path still leads to these files.
    pub(crate) fn are_at(&self, path: &Path) -> bool {
        std::fs::canonicalize(path).is_ok_and(|now| now == self.file)
    }

    /// A number that differs where the content does.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.document.hash(&mut hasher);
        for n in 0..SESSION_SHARDS {
            self.shard(&shard_file(n)).ok().hash(&mut hasher);
        }
        hasher.finish()
    }
}
