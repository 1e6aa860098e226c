//! Logs go to stderr: stdout belongs to results and, in the proxy, to audit events.

use tracing_subscriber::EnvFilter;

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

impl LogArgs {
    /// Installs the subscriber; call once, from `main`.
    ///
    /// # Errors
    /// [`LogError`] when the level can't be read or a subscriber is already there.
    pub fn init(&self) -> Result<(), LogError> {
        use tracing_subscriber::util::SubscriberInitExt as _;
        let filter = EnvFilter::try_new(&self.log_level).map_err(|source| LogError::Level {
            level: self.log_level.clone(),
            source,
        })?;
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Plain => lines.with_ansi(false).finish().try_init(),
            LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
        }
        .map_err(LogError::Twice)
    }
}
