//! The command line: one variant a command, one exit code for every way to end.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::output::{ClusterUnreachable, exit};
use crate::{access, admission, certs, inject, setup, validate};

/// Runs MCP servers on Kubernetes behind a policy proxy.
#[derive(Debug, Parser)]
#[command(
    name = "mcp-runtime",
    version,
    after_help = "Exit codes: 0 done, 1 the answer is no, 2 usage or unreadable input, 3 cluster unreachable."
)]
struct Cli {
    #[command(flatten)]
    log: process::LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install or upgrade the platform in a cluster
    Setup(setup::Args),
    /// The webhook's certificate
    #[command(subcommand)]
    Certs(certs::Command),
    /// Ask who may call what, and why
    #[command(subcommand)]
    Access(access::Command),
    /// Take /default and /validate away in an emergency, and give them back
    #[command(subcommand)]
    Admission(admission::Command),
    // These say what they do where their arguments are.
    Inject(inject::InjectArgs),
    Uninject(inject::UninjectArgs),
    ExplainInjection(inject::ExplainArgs),
    Validate(validate::ValidateArgs),
    /// Run the operator (role)
    Operator(operator::Args),
    /// Run the admission server (role)
    Webhook(webhook::Args),
}

impl Command {
    /// It runs until it is told to end, and others wait for what it answers.
    fn is_role(&self) -> bool {
        matches!(self, Self::Operator(_) | Self::Webhook(_))
    }
}

/// Reads the arguments, runs the command, and turns its end into an exit code.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln_error(&error);
            if error.downcast_ref::<ClusterUnreachable>().is_some() {
                exit::UNREACHABLE.into()
            } else {
                exit::USAGE.into()
            }
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    // The one crypto provider of the process; a second installation can only be ours.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // A role's is kept until the role has ended: what it logged last is written then.
    let _log = match cli.command.is_role() {
        true => Some(cli.log.init_role()?),
        false => {
            cli.log.init()?;
            None
        }
    };
    match cli.command {
        Command::Access(command) => command.run(),
        Command::Admission(command) => on_runtime(command.run()),
        Command::Inject(args) => inject::inject(&args),
        Command::Uninject(args) => inject::uninject(&args),
        Command::ExplainInjection(args) => inject::explain(&args),
        Command::Certs(command) => on_runtime(command.run()),
        Command::Validate(args) => validate::validate(&args),
        Command::Setup(args) => on_runtime(setup::run(args)),
        Command::Operator(args) => on_runtime(async move {
            operator::run(args).await?;
            Ok(ExitCode::SUCCESS)
        }),
        Command::Webhook(args) => on_runtime(async move {
            webhook::run(args).await?;
            Ok(ExitCode::SUCCESS)
        }),
    }
}

fn on_runtime<F>(future: F) -> anyhow::Result<ExitCode>
where
    F: Future<Output = anyhow::Result<ExitCode>>,
{
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(future)
}

#[allow(
    clippy::print_stderr,
    reason = "the last word of a command that failed goes to its user, not to a log"
)]
fn eprintln_error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
