//! `mcp-runtime`: the roles that run in a cluster and the commands people type.

mod access;
mod admission;
mod certs;
mod cluster;
mod command;
mod inject;
mod input;
mod output;
mod setup;
mod validate;

use std::process::ExitCode;

/// A review is read into thousands of small pieces and let go of at once, which the C library's
/// allocator takes a quarter of an answer's time for (`make bench-admission`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    command::run()
}
