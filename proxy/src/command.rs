//! The command line: serving, and the commands beside it.

mod check;
mod inspect;
mod serve;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use process::{LogArgs, LogError, LogGuard};

use crate::config::{Listen, ServeArgs};
use crate::drain;

/// Guards one MCP server: authenticates every request, decides every tool call, leaves an
/// audit event for each
#[derive(Debug, Parser)]
#[command(name = "mcp-proxy", version, subcommand_negates_reqs = true)]
pub struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell the proxy that runs beside this command to drain, and wait for calls in flight
    Drain(DrainArgs),
    /// Say what the proxy would read in requests, one JSON line each
    Inspect(inspect::InspectArgs),
}

#[derive(Debug, Args)]
struct DrainArgs {
    /// The port (or address and port) that the proxy listens on
    #[arg(long, env = "PORT", value_name = "PORT", default_value = "8091")]
    listen: Listen,
    /// Seconds to wait for calls in flight
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    wait_seconds: u64,
}

impl Cli {
    /// Begins to log; call once, before [`run`]. A proxy that serves doesn't wait for whoever reads
    /// its log, so what it answers here is kept until the process ends.
    ///
    /// # Errors
    /// [`LogError`] when the level can't be read.
    pub fn init_log(&self) -> Result<Option<LogGuard>, LogError> {
        if self.command.is_none() && !self.serve.check {
            self.log.init_role().map(Some)
        } else {
            self.log.init().map(|()| None)
        }
    }
}

/// Does what the command line says.
///
/// # Errors
/// What kept it from doing so; the exit code is then 2.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // One thread: a sidecar has a fraction of a core, and a second thread costs more memory
    // and wake-ups than it wins. Loading policies and writing events have their own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    match cli.command {
        Some(Command::Drain(args)) => runtime.block_on(drain_it(&args)),
        Some(Command::Inspect(args)) => inspect::run(&args),
        None if cli.serve.check => check::run(&cli.serve),
        None => runtime.block_on(serve::run(cli.serve)),
    }
}

async fn drain_it(args: &DrainArgs) -> anyhow::Result<ExitCode> {
    let patience = Duration::from_secs(args.wait_seconds);
    let quiet = drain::ask(args.listen.0.port(), patience).await?;
    if !quiet {
        tracing::warn!("calls are still in flight");
    }
    Ok(ExitCode::SUCCESS)
}
