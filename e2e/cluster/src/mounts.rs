//! What is mounted under the cluster's folder: layers, namespaces, and the tokens' tmpfs, which would outlive the pods.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::mount::{UnmountFlags, unmount};

/// Mount points under `root`, the last mounted first.
///
/// # Errors
/// /proc can't be read.
pub fn under(root: &str) -> Result<Vec<PathBuf>> {
    let file = "/proc/self/mountinfo";
    let table = fs::read_to_string(file).with_context(|| format!("read {file}"))?;
    Ok(points(&table, Path::new(root)))
}

/// Unmounts everything under `root`; what is still in use goes when its last user does.
///
/// # Errors
/// The kernel refuses one.
pub fn unmount_under(root: &str) -> Result<()> {
    for point in under(root)? {
        unmount(&point, UnmountFlags::DETACH)
            .with_context(|| format!("unmount {}", point.display()))?;
    }
    Ok(())
}

/// proc(5): the fifth field of a line is the mount point.
fn points(table: &str, root: &Path) -> Vec<PathBuf> {
    let all = table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(unescape);
    let mut ours: Vec<PathBuf> = all
        .map(PathBuf::from)
        .filter(|point| point.starts_with(root))
        .collect();
    ours.reverse();
    ours
}

/// The kernel writes blanks and backslashes as three octal digits.
fn unescape(field: &str) -> String {
    let escapes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    escapes
        .iter()
        .fold(field.to_owned(), |text, (escape, plain)| {
            text.replace(escape, plain)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_mounts_come_before_outer_ones_and_others_not_at_all() {
        let table = "22 1 8:1 / / rw - ext4 /dev/vda rw\n\
                     30 22 0:9 / /var/lib/x rw - tmpfs t rw\n\
                     31 30 0:9 / /var/lib/x/a\\040b rw - tmpfs t rw\n\
                     32 22 0:9 / /var/lib/xy rw - tmpfs t rw\n";
        let expected = ["/var/lib/x/a b", "/var/lib/x"].map(PathBuf::from);
        assert_eq!(points(table, Path::new("/var/lib/x")), expected);
    }
}
