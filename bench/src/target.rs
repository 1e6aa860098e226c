//! What is measured: each a process of its own on a core of its own, ended with the bench.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// How long a program may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(5);

/// Who runs where. What is measured has a core to itself, so that neither the load nor what stands
/// behind it takes time from it.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// Of what is measured.
    pub target: usize,
    /// Of all others: the generator, a backend.
    pub rest: usize,
}

impl Cores {
    /// The first two cores that this process may use, and keeps it on the first of them; with one
    /// core all share it. To be called once, before there are other threads.
    pub fn divide() -> Self {
        // Asked before anything is pinned: afterwards there is one core left to see.
        let usable = sched_getaffinity(None).expect("the cores of this process");
        let mut usable = (0..CpuSet::MAX_CPU).filter(|core| usable.is_set(*core));
        let rest = usable.next().expect("a core to run on");
        let target = usable.next().unwrap_or(rest);
        keep_on(rest);
        Self { target, rest }
    }
}

/// As rows have it.
impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "target={} rest={}", self.target, self.rest)
    }
}

/// Keeps this thread, and what it starts from now on, on one core.
fn keep_on(core: usize) {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).expect("a core that this process may use");
}

/// A program is kept where the thread is that starts it.
fn spawn_on(core: usize, command: &mut Command) -> io::Result<Child> {
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| {
            keep_on(core);
            command.spawn()
        });
        starting.join().unwrap()
    })
}

/// Addresses of loopback on which nobody listens, each another one: none is given back before all
/// are known.
pub fn free<const N: usize>() -> [SocketAddr; N] {
    let held: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    held.each_ref()
        .map(|listener| listener.local_addr().unwrap())
}

/// The bench's own program, for what it plays itself in another process.
pub fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

/// What is measured, or stands behind it.
#[derive(Debug)]
pub struct Target {
    /// As rows call it.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// How it was built: `release`, `dev`, or `unknown`.
    pub profile: String,
    process: Option<Child>,
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill().ok();
            process.wait().ok();
        }
    }
}

impl Target {
    /// Starts a program on `core` and waits until it listens on `address`.
    pub fn start(
        name: &'static str,
        address: SocketAddr,
        mut command: Command,
        core: usize,
    ) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = spawn_on(core, &mut command);
        let process = process.unwrap_or_else(|error| panic!("starting {command:?}: {error}"));
        // From here on it ends with this value, also where waiting for it fails.
        let mut target = Self {
            name,
            address,
            profile: profile(Path::new(command.get_program())).to_owned(),
            process: Some(process),
        };
        target.wait_until_it_listens(&command);
        target
    }

    /// The same process under another name: what is reached without anything in between.
    pub fn named(&self, name: &'static str) -> Self {
        Self {
            name,
            address: self.address,
            profile: self.profile.clone(),
            process: None,
        }
    }

    fn wait_until_it_listens(&mut self, command: &Command) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let listens = TcpStream::connect(self.address).is_ok();
            // Looked at also where somebody listens: that could be another process.
            let process = self.process.as_mut().unwrap();
            if let Some(status) = process.try_wait().unwrap() {
                panic!("ended with {status} before it listened: {command:?}");
            }
            if listens {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "doesn't listen within {PATIENCE:?}: {command:?}"
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Resident memory in KiB, as the kernel counts it; of a process of its own.
    pub fn resident_kib(&self) -> Option<u64> {
        let process = self.process.as_ref()?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.expect("a process that still runs").trim();
        Some(kib.trim_end_matches(" kB").parse().unwrap())
    }
}

/// How a program was built, by the folder that cargo put it into. What was copied elsewhere doesn't
/// tell.
fn profile(program: &Path) -> &'static str {
    // Beside it, or one up: benches lie in `deps`.
    let mut folders = program.iter().rev().skip(1).take(2);
    let known = folders.find_map(|folder| match folder.to_str() {
        Some("release") => Some("release"),
        Some("debug") => Some("dev"),
        _ => None,
    });
    known.unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_s_profile_is_that_of_its_folder_and_of_no_other_on_the_way() {
        for (program, expected) in [
            ("/t/release/mcp-proxy", "release"),
            ("/t/debug/deps/proxy-0123", "dev"),
            ("/release/project/bin/mcp-runtime", "unknown"),
            ("mcp-runtime", "unknown"),
        ] {
            assert_eq!(profile(Path::new(program)), expected, "{program}");
        }
    }

    #[test]
    fn free_addresses_differ() {
        let [one, other] = free();
        assert_ne!(one, other);
    }

    #[test]
    #[should_panic(expected = "before it listened")]
    fn a_program_that_ends_at_once_is_not_waited_for() {
        let [address] = free();
        let core = std::thread::spawn(Cores::divide).join().unwrap().target;
        Target::start("nothing", address, Command::new("true"), core);
    }
}
