//! Logs go to stderr: stdout belongs to results and, in the proxy, to audit events.
//!
//! A command writes each line before it goes on. A role doesn't wait for whoever reads its lines:
//! stderr is a pipe, and when a container runtime stops reading, it is full after 64 KiB. A write
//! to it would then stop every thread that has something to say, and so its answers.

use std::io::{Write, stderr};

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that a role keeps for a reader who is behind, some 2 MiB of them. The others are dropped.
const MOST_LINES: usize = 8192;

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Plain,
    /// One JSON object a line.
    Json,
}

/// Flags for logging, the same for every role.
#[derive(Clone, Debug, clap::Args)]
pub struct LogArgs {
    /// Form of log lines on stderr
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or directives such as info,kube=warn
    #[arg(long, env = "LOG_LEVEL", default_value = "info", global = true)]
    pub log_level: String,
}

/// Logging couldn't be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level isn't one.
    #[error("--log-level {level:?} is neither a level nor a list of directives")]
    Level {
        /// As given.
        level: String,
        /// What the parser said.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something installed a subscriber before.
    #[error("logging was set up twice")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// The lines of a role that aren't written yet. Dropped, it writes them, and waits no longer than a
/// second or so for that; what is logged after that is lost.
#[derive(Debug)]
#[must_use = "dropped, it ends the log"]
pub struct LogGuard {
    _worker: WorkerGuard,
}

impl LogArgs {
    /// Logs as a command does, line by line; call once, from `main`.
    ///
    /// # Errors
    /// [`LogError`] when the level can't be read or a subscriber is already there.
    pub fn init(&self) -> Result<(), LogError> {
        self.install(stderr)
    }

    /// Logs as a role does, without waiting; call once, from `main`, and keep the guard there.
    ///
    /// # Errors
    /// [`LogError`] when the level can't be read or a subscriber is already there.
    pub fn init_role(&self) -> Result<LogGuard, LogError> {
        let (lines, guard) = buffered(stderr());
        self.install(lines)?;
        Ok(guard)
    }

    fn install<W>(&self, writer: W) -> Result<(), LogError>
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        use tracing_subscriber::util::SubscriberInitExt as _;
        let filter = EnvFilter::try_new(&self.log_level).map_err(|source| LogError::Level {
            level: self.log_level.clone(),
            source,
        })?;
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(writer);
        match self.log_format {
            LogFormat::Plain => lines.with_ansi(false).finish().try_init(),
            LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
        }
        .map_err(LogError::Twice)
    }
}

/// Takes lines at once; a thread of its own writes them to `writer`.
fn buffered(writer: impl Write + Send + 'static) -> (NonBlocking, LogGuard) {
    let (lines, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(MOST_LINES)
        .lossy(true)
        .thread_name("log")
        .finish(writer);
    (lines, LogGuard { _worker: worker })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// A pipe whose reader begins when the other end of `begin` is gone.
    struct Pipe {
        begin: Receiver<()>,
        read: Sender<String>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.begin.recv().unwrap_err();
            let line = String::from_utf8(bytes.to_vec()).unwrap();
            self.read.send(line).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_and_it_gets_in_the_end_what_was_kept() {
        let (reader, begin) = channel();
        let (read, lines_read) = channel();
        let (mut lines, guard) = buffered(Pipe { begin, read });
        let most = 2 * MOST_LINES;
        for n in 0..most {
            lines.write_all(format!("{n}\n").as_bytes()).unwrap();
        }
        drop(reader);
        drop(guard);
        let found: Vec<String> = lines_read.try_iter().collect();
        // One more may be on its way into the pipe.
        assert!(
            (MOST_LINES..=MOST_LINES + 1).contains(&found.len()),
            "{}",
            found.len()
        );
        assert_eq!(found[0], "0\n");
        assert_eq!(lines.error_counter().dropped_lines(), most - found.len());
    }
}
