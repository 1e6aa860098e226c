//! What `down` has to know, written before or as it happens: `ROOT/record.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::place;
use crate::process::Process;

/// One boot of the cluster.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// `/proc/sys/kernel/random/boot_id`: after a reboot the process ids below are other people's.
    pub boot_id: String,
    /// The checkouts that have a `.cluster` for it.
    pub checkouts: BTreeSet<PathBuf>,
    /// What was started, in that order.
    pub processes: Vec<Process>,
    /// Kernel settings as they were.
    pub sysctls: BTreeMap<String, String>,
    /// Chains of packet-filter rules that were there before us.
    pub chains: BTreeSet<String>,
    /// Folders outside ours that weren't there before, whose place no setting changes.
    pub folders: BTreeSet<PathBuf>,
    /// Whether the boot reached its end.
    pub complete: bool,
}

impl Record {
    /// The machine's record, if there is one.
    ///
    /// # Errors
    /// There is one that can't be read.
    pub fn read() -> Result<Option<Self>> {
        Self::read_from(&file())
    }

    /// Replaces the machine's record.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write(&self) -> Result<()> {
        self.write_to(&file())
    }

    /// Whether the machine has not been rebooted since.
    pub fn is_of_this_boot(&self) -> bool {
        boot_id().is_ok_and(|now| now == self.boot_id)
    }

    fn read_from(file: &Path) -> Result<Option<Self>> {
        match fs::read(file) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("parse {}", file.display()))
                .map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read {}", file.display())),
        }
    }

    fn write_to(&self, file: &Path) -> Result<()> {
        let next = file.with_extension("next");
        let text = serde_json::to_vec_pretty(self).context("encode the record")?;
        fs::write(&next, text).with_context(|| format!("write {}", next.display()))?;
        fs::rename(&next, file).with_context(|| format!("rename {}", next.display()))
    }
}

/// The id that the kernel gave this boot.
///
/// # Errors
/// /proc can't be read.
pub fn boot_id() -> Result<String> {
    let file = "/proc/sys/kernel/random/boot_id";
    Ok(fs::read_to_string(file)
        .with_context(|| format!("read {file}"))?
        .trim()
        .to_owned())
}

fn file() -> PathBuf {
    place::path("record.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("record.json");
        assert_eq!(Record::read_from(&file)?, None);
        let record = Record {
            boot_id: "b".to_owned(),
            processes: vec![Process {
                name: "etcd".to_owned(),
                pid: 7,
                started: 9,
            }],
            chains: BTreeSet::from(["DOCKER".to_owned()]),
            ..Record::default()
        };
        record.write_to(&file)?;
        assert_eq!(Record::read_from(&file)?, Some(record));
        Ok(())
    }
}
