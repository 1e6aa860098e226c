//! Processes of ours: started detached, known by id and start time, stopped by nothing less.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// A process that can't be mistaken for a later one of the same id.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Process {
    /// The component's name.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// Its start, in clock ticks since the machine's boot (proc(5), field 22 of `stat`).
    pub started: u64,
}

impl Process {
    /// Starts a command that outlives us, with its output in `log`.
    ///
    /// # Errors
    /// The log can't be made or the program can't be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let out = File::create(log).with_context(|| format!("create {}", log.display()))?;
        let err = out
            .try_clone()
            .with_context(|| format!("open {}", log.display()))?;
        // A group of its own: the terminal's Ctrl-C is meant for us.
        let child = command
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        Self::of(name, child.id()).with_context(|| format!("{name} ended at once"))
    }

    /// The process that has this id now.
    pub fn of(name: &str, pid: u32) -> Option<Self> {
        let (_, started) = stat(pid)?;
        Some(Self {
            name: name.to_owned(),
            pid,
            started,
        })
    }

    /// Whether it still runs; what only waits to be reaped doesn't.
    pub fn is_alive(&self) -> bool {
        stat(self.pid)
            .is_some_and(|(state, started)| started == self.started && !matches!(state, 'Z' | 'X'))
    }

    /// Kills it. One that has gone is no error: that is what was wanted.
    pub fn kill(&self) {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return;
        };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            return;
        };
        // The handle pins the process, so what is asked here stays true for the signal.
        if self.is_alive() {
            let _ = pidfd_send_signal(&handle, Signal::KILL);
        }
    }
}

/// Every process id of the machine, with its arguments.
pub fn all() -> Vec<(u32, Vec<String>)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|pid: u32| {
        Some((
            pid,
            arguments(&fs::read(format!("/proc/{pid}/cmdline")).ok()?),
        ))
    })
    .collect()
}

fn arguments(cmdline: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(cmdline);
    text.split_terminator('\0').map(str::to_owned).collect()
}

fn stat(pid: u32) -> Option<(char, u64)> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// State and start time of a line of `/proc/PID/stat`. The command's name may hold spaces and parentheses, so what
/// counts begins after the last one.
fn parse_stat(line: &str) -> Option<(char, u64)> {
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    // Field 3 was the state; 22 is the 19th from there.
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20 21";
        assert_eq!(parse_stat(line), Some(('S', 777)));
        assert_eq!(parse_stat("42 (a"), None);
    }

    #[test]
    fn a_later_process_of_the_same_id_is_not_ours() -> Result<()> {
        let ours = Process::of("test", std::process::id()).context("we run")?;
        assert!(ours.is_alive());
        let earlier = Process {
            started: ours.started - 1,
            ..ours
        };
        assert!(!earlier.is_alive());
        // Does nothing: we are still here to say so.
        earlier.kill();
        Ok(())
    }

    #[test]
    fn arguments_keep_their_blanks() {
        assert_eq!(arguments(b"shim\0-id\0a b\0"), ["shim", "-id", "a b"]);
    }
}
