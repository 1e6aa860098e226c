//! `mcp-runtime`: the roles that run in a cluster and the commands people type.

mod access;
mod admission;
mod certs;
mod cluster;
mod command;
mod inject;
mod output;
mod setup;
mod validate;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run()
}
