//! The one control group that all pods run in, so that what runs in them is found without knowing it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// As `cgroupRoot` in config/kubelet.yaml.
const NAME: &str = "mcp-runtime-cluster";

/// Makes the group in every hierarchy that controls something; the kubelet refuses to start without.
///
/// # Errors
/// A folder can't be made.
pub fn create() -> Result<()> {
    for hierarchy in controlling(&mount_table()?) {
        delegate(&hierarchy);
        let group = hierarchy.join(NAME);
        fs::create_dir_all(&group).with_context(|| format!("create {}", group.display()))?;
    }
    Ok(())
}

/// The ids of all processes in the group and below.
///
/// # Errors
/// /proc can't be read.
pub fn processes() -> Result<Vec<u32>> {
    let mut ids: Vec<u32> = groups()?
        .iter()
        .filter_map(|group| fs::read_to_string(group.join("cgroup.procs")).ok())
        .flat_map(|text| {
            text.lines()
                .filter_map(|line| line.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Removes the group. One that is still busy stays, which [`left`] tells.
///
/// # Errors
/// /proc can't be read.
pub fn remove() -> Result<()> {
    for group in groups()? {
        let _ = fs::remove_dir(group);
    }
    Ok(())
}

/// Groups of ours that are there.
///
/// # Errors
/// /proc can't be read.
pub fn left() -> Result<Vec<PathBuf>> {
    let table = mount_table()?;
    // The runtime makes groups in the unified hierarchy beside v1 too.
    let hierarchies = mounted(&table, "cgroup")
        .into_iter()
        .chain(mounted(&table, "cgroup2"));
    Ok(hierarchies
        .map(|hierarchy| hierarchy.join(NAME))
        .filter(|group| group.is_dir())
        .collect())
}

/// All our groups, inner ones first.
fn groups() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for group in left()? {
        walk(&group, &mut found);
    }
    Ok(found)
}

fn walk(group: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&entry.path(), found);
        }
    }
    found.push(group.to_owned());
}

/// In the unified hierarchy a group has only the controllers that its parent hands down.
fn delegate(hierarchy: &Path) {
    let controllers = fs::read_to_string(hierarchy.join("cgroup.controllers")).unwrap_or_default();
    for controller in controllers.split_ascii_whitespace() {
        let _ = fs::write(
            hierarchy.join("cgroup.subtree_control"),
            format!("+{controller}"),
        );
    }
}

fn mount_table() -> Result<String> {
    fs::read_to_string("/proc/self/mounts").context("read /proc/self/mounts")
}

/// The v1 hierarchies; the unified one only where it is alone, since beside v1 it controls nothing.
fn controlling(table: &str) -> Vec<PathBuf> {
    let v1 = mounted(table, "cgroup");
    if v1.is_empty() {
        mounted(table, "cgroup2")
    } else {
        v1
    }
}

fn mounted(table: &str, kind: &str) -> Vec<PathBuf> {
    let lines = table
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    lines
        .filter_map(|fields| match fields.as_slice() {
            [_, point, filesystem, ..] if *filesystem == kind => Some(PathBuf::from(point)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unified_hierarchy_counts_only_where_it_is_alone() {
        let v1 = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n";
        let v2 = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(
            controlling(&format!("{v1}{v2}")),
            ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/pids"].map(PathBuf::from)
        );
        assert_eq!(
            controlling(v2),
            ["/sys/fs/cgroup/unified"].map(PathBuf::from)
        );
    }
}
