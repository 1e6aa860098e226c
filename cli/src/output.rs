//! What every command shares in how it ends and talks.

use std::io::{self, Write};

/// Exit codes, the same for every command.
pub(crate) mod exit {
    /// The answer is no: invalid, denied with `--exit-code`, a check failed.
    pub(crate) const NO: u8 = 1;
    /// Usage, or input that can't be read.
    pub(crate) const USAGE: u8 = 2;
    /// The cluster can't be reached.
    pub(crate) const UNREACHABLE: u8 = 3;
}

/// The cluster didn't answer.
#[derive(Debug, thiserror::Error)]
#[error("the cluster can't be reached; check the kubeconfig (KUBECONFIG, --kubeconfig, --context)")]
pub(crate) struct ClusterUnreachable(#[source] pub(crate) kube::Error);

/// Writes an answer whole. Whoever hangs up has read enough.
pub(crate) fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
