//! `cluster`: see `cluster --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcp_e2e_cluster::command::main()
}
