//! `mcp-proxy`: see [`proxy`].

use std::process::ExitCode;

use clap::Parser as _;

#[allow(clippy::print_stderr, reason = "without a log there is no other place")]
fn main() -> ExitCode {
    let cli = proxy::Cli::parse();
    // Kept to the end: what was logged last is written then.
    let _log = match cli.init_log() {
        Ok(log) => log,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    match proxy::run(cli) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(2)
        }
    }
}
