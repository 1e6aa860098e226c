//! `mcp-proxy`: runs until it is told to stop.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::Server;
use crate::config::{Config, ServeArgs};

/// Serves.
///
/// # Errors
/// When an address, a thread or a signal handler can't be had.
pub(super) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let upstream = args.upstream.clone().context("--upstream is required")?;
    let server = Server::bind(Config::new(args, upstream)).await?;
    let stop = async {
        if let Err(error) = process::requested().await {
            tracing::error!(error = crate::error_chain(&error), "ending");
        }
    };
    server.run(stop).await;
    Ok(ExitCode::SUCCESS)
}
