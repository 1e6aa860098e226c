//! `access`: who may call what, and why. Decided by the function that the proxies call, on
//! the document they would read.

mod answer;
mod diff;
mod explain;
mod manifests;
mod matrix;
mod request;
mod source;
mod text;

use std::io;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};

/// What can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say whether requests are allowed, and why
    Explain(explain::Args),
    /// Say who may call which tool
    Matrix(matrix::Args),
    /// Say what another policy would change
    Diff(diff::Args),
}

/// How answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

impl Command {
    /// Answers on stdout. Input that can't be read is an error (exit code 2).
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut out = io::stdout().lock();
        let result = match self {
            Self::Explain(args) => explain::run(&args, &mut out),
            Self::Matrix(args) => matrix::run(&args, &mut out),
            Self::Diff(args) => diff::run(&args, &mut out),
        };
        match result {
            // Whoever read the answers has read enough.
            Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
            result => result.map(ExitCode::from),
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
