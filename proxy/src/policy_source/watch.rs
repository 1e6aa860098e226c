//! Noticing that the policy file changed.
//!
//! The kubelet renews a projected volume by renaming a symbolic link next to the file, editors
//! rename or rewrite the file: both are events of its folder. The files are looked at every
//! second besides, for links to elsewhere and folders that come late.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use policy::{SESSION_SHARDS, shard_file};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::{Loader, PolicySource};

/// How often the file is looked at without an event.
const PERIOD: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Follows the file from a thread of its own, until nobody holds `source` any more.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn follow(mut loader: Loader, source: &Arc<PolicySource>) -> io::Result<()> {
    let Some(path) = loader.path.clone() else {
        return Ok(());
    };
    let source = Arc::downgrade(source);
    std::thread::Builder::new()
        .name("policy".to_owned())
        .spawn(move || run(&mut loader, &source, &path))
        .map(drop)
}

fn run(loader: &mut Loader, source: &Weak<PolicySource>, path: &Path) {
    let mut folder = Folder::of(path);
    let mut seen = None;
    loop {
        // What changes from here on is an event of the folder, or another look.
        let look = Look::at(path);
        let Some(source) = source.upgrade() else {
            return;
        };
        if seen.as_ref() != Some(&look) || folder.changed {
            loader.reload(&source);
            seen = Some(look);
        }
        drop(source);
        folder.wait();
    }
}

/// What tells one state of the files from another without reading them.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    target: Option<PathBuf>,
    file: Metadata,
    shards: Vec<Metadata>,
}

type Metadata = Option<(u64, u64, u64, i64, i64)>;

impl Look {
    fn at(path: &Path) -> Self {
        let target = std::fs::canonicalize(path).ok();
        let beside = target.as_deref().unwrap_or(path);
        let shards = (0..SESSION_SHARDS).map(|n| beside.with_file_name(shard_file(n)));
        Self {
            file: metadata(path),
            shards: shards.map(|shard| metadata(&shard)).collect(),
            target,
        }
    }
}

fn metadata(path: &Path) -> Metadata {
    let file = std::fs::metadata(path).ok()?;
    Some((
        file.dev(),
        file.ino(),
        file.size(),
        file.mtime(),
        file.mtime_nsec(),
    ))
}

/// The folder that the file is in.
struct Folder {
    path: PathBuf,
    watch: Option<Watch>,
    changed: bool,
}

struct Watch {
    events: OwnedFd,
    /// Device and inode of the folder: another folder of the same name needs another watch.
    identity: (u64, u64),
}

impl Folder {
    fn of(file: &Path) -> Self {
        let path = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let watch = Watch::open(&path);
        Self {
            path,
            watch,
            changed: false,
        }
    }

    /// Waits for an event of the folder, a second at most, and says in `changed` which it was.
    fn wait(&mut self) {
        self.changed = match &self.watch {
            Some(watch) => watch.wait(),
            None => {
                std::thread::sleep(std::time::Duration::from_secs(1));
                false
            }
        };
        let stale = match &self.watch {
            Some(watch) => identity(&self.path) != Some(watch.identity),
            None => true,
        };
        if stale {
            self.watch = Watch::open(&self.path);
        }
    }
}

impl Watch {
    fn open(folder: &Path) -> Option<Self> {
        let identity = identity(folder)?;
        let opened =
            inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).and_then(|events| {
                let interesting = WatchFlags::CREATE
                    | WatchFlags::CLOSE_WRITE
                    | WatchFlags::MOVE
                    | WatchFlags::DELETE
                    | WatchFlags::DELETE_SELF
                    | WatchFlags::MOVE_SELF;
                inotify::add_watch(&events, folder, interesting)?;
                Ok(events)
            });
        match opened {
            Ok(events) => Some(Self { events, identity }),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "can't watch; looking every second");
                None
            }
        }
    }

    /// Whether there was an event within a second. Which one doesn't matter.
    fn wait(&self) -> bool {
        let mut waiting = [PollFd::new(&self.events, PollFlags::IN)];
        if !matches!(poll(&mut waiting, Some(&PERIOD)), Ok(1..)) {
            return false;
        }
        let mut events = [0; 4096];
        while rustix::io::read(&self.events, &mut events).is_ok_and(|length| length > 0) {}
        true
    }
}

fn identity(folder: &Path) -> Option<(u64, u64)> {
    let folder = std::fs::metadata(folder).ok()?;
    Some((folder.dev(), folder.ino()))
}
