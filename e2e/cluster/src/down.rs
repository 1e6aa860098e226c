//! Removing every trace of the cluster, whoever booted it and however far it came.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{self, Process};
use crate::progress::{say, step};
use crate::record::Record;
use crate::{cache, cgroups, checkout, firewall, mounts, network, place, sysctl};

/// Where the CNI library remembers results.
const CNI_RESULTS: &str = "/var/lib/cni/results";
/// Links that the kubelet keeps to every container's log.
const CONTAINER_LOGS: &str = "/var/log/containers";

/// Folders whose place no setting of ours changes.
const FIXED: [&str; 5] = [
    CONTAINER_LOGS,
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/pods",
    "/run/containerd",
];

/// Those of the fixed folders that a boot will make: they go when the cluster does.
pub fn folders_to_come() -> BTreeSet<PathBuf> {
    FIXED
        .iter()
        .map(PathBuf::from)
        .filter(|folder| !folder.exists())
        .collect()
}

/// Takes the cluster down; does nothing where there is none.
///
/// # Errors
/// Something can't be removed; the error names what is left.
pub fn down() -> Result<()> {
    let record = Record::read()?.unwrap_or_default();
    if !Path::new(place::ROOT).exists() && left(&record)?.is_empty() {
        say("no cluster here");
        return Ok(());
    }
    step("processes stopped", || stop(&record))?;
    step("mounts, network, rules and folders removed", || {
        clear(&record)
    })?;
    network::forget_connections();
    say("           nothing is left: no process, mount, interface, rule, control group or folder");
    Ok(())
}

/// Kills what was recorded, then what runs in pods. Nothing is asked to end by itself: all state goes with it.
fn stop(record: &Record) -> Result<()> {
    if record.is_of_this_boot() {
        record.processes.iter().rev().for_each(Process::kill);
    }
    kill_pods()
}

/// Everything in the pods' control group, and the shims, which alone have our socket as an argument.
fn kill_pods() -> Result<()> {
    for pid in cgroups::processes()? {
        if let Some(process) = Process::of("in a pod", pid) {
            process.kill();
        }
    }
    shims().iter().for_each(Process::kill);
    Ok(())
}

fn shims() -> Vec<Process> {
    let ours = |arguments: &[String]| {
        arguments
            .first()
            .is_some_and(|program| program.contains("containerd-shim"))
            && arguments
                .iter()
                .any(|argument| argument == place::CONTAINERD)
    };
    process::all()
        .into_iter()
        .filter(|(_, arguments)| ours(arguments))
        .filter_map(|(pid, _)| Process::of("containerd-shim", pid))
        .collect()
}

/// Removes things until none is left: what was being made when its maker was killed may appear once more.
fn clear(record: &Record) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let outcome = clear_once(record);
        let left = left(record)?;
        if outcome.is_ok() && left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            outcome?;
            bail!("still there: {}", left.join(", "));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn clear_once(record: &Record) -> Result<()> {
    kill_pods()?;
    let sockets = shim_sockets();
    mounts::unmount_under(place::ROOT)?;
    network::remove()?;
    firewall::clean(&record.chains)?;
    cgroups::remove()?;
    sysctl::restore(&record.sysctls);
    for socket in sockets {
        let _ = fs::remove_file(socket);
    }
    remove_files(CNI_RESULTS, |file| {
        fs::read_to_string(file).is_ok_and(|text| text.contains(place::ROOT))
    })?;
    remove_files(CONTAINER_LOGS, |file| {
        fs::read_link(file).is_ok_and(|target| target.starts_with(place::ROOT))
    })?;
    record
        .folders
        .iter()
        .try_for_each(|folder| cache::remove(folder))?;
    for folder in &record.checkouts {
        checkout::unlink(folder)?;
    }
    cache::remove(Path::new(place::ROOT))
}

/// What is there of a cluster, in words.
fn left(record: &Record) -> Result<Vec<String>> {
    let mut left = Vec::new();
    if record.is_of_this_boot() {
        let alive = record.processes.iter().filter(|process| process.is_alive());
        left.extend(alive.map(|process| format!("{} ({})", process.name, process.pid)));
    }
    left.extend(shims().iter().map(|shim| format!("shim {}", shim.pid)));
    left.extend(
        cgroups::processes()?
            .iter()
            .map(|pid| format!("process {pid} of a pod")),
    );
    left.extend(
        mounts::under(place::ROOT)?
            .iter()
            .map(|point| format!("mount {}", point.display())),
    );
    left.extend(network::exists().then(|| format!("bridge {}", place::BRIDGE)));
    left.extend(firewall::left(&record.chains)?);
    left.extend(
        cgroups::left()?
            .iter()
            .map(|group| group.display().to_string()),
    );
    left.extend(
        Path::new(place::ROOT)
            .exists()
            .then(|| place::ROOT.to_owned()),
    );
    Ok(left)
}

/// Shims keep their sockets outside our folder, under a hash; each tells its own in its bundle.
fn shim_sockets() -> Vec<String> {
    let bundles = place::path("containerd/state/io.containerd.runtime.v2.task/k8s.io");
    let entries = fs::read_dir(bundles).into_iter().flatten().flatten();
    entries
        .filter_map(|bundle| fs::read_to_string(bundle.path().join("address")).ok())
        .filter_map(|address| address.trim().strip_prefix("unix://").map(str::to_owned))
        .collect()
}

/// Removes those of a folder's files that are ours.
fn remove_files(folder: &str, ours: impl Fn(&Path) -> bool) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = entry.path();
        if ours(&file) {
            fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))?;
        }
    }
    Ok(())
}
