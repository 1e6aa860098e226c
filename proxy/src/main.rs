//! `mcp-proxy`: see [`proxy`].

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match proxy::run(proxy::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(2)
        }
    }
}
