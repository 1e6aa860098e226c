//! Running other programs and saying what went wrong in their own words.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// A command with nothing on its standard input.
pub fn command<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: &[S]) -> Command {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs a program for what it prints.
///
/// # Errors
/// It can't be started, or exits other than 0: then its stderr is in the error.
pub fn output<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: &[S]) -> Result<String> {
    capture(&mut command(program, args))
}

/// Like [`output`], for a prepared command.
///
/// # Errors
/// As [`output`].
pub fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("start {}", shown(command)))?;
    Ok(String::from_utf8_lossy(&checked(command, output)?.stdout).into_owned())
}

/// Runs a prepared command that writes its own progress to our stderr.
///
/// # Errors
/// It can't be started, or exits other than 0.
pub fn show(command: &mut Command) -> Result<()> {
    // Results are on stdout in every command of ours; a tool's chatter isn't one.
    let status = command
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("start {}", shown(command)))?;
    if !status.success() {
        bail!("{}: {status}", shown(command));
    }
    Ok(())
}

/// Whether a program is on the path or among the system's own folders.
pub fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(Into::into))
        .any(|folder| folder.join(program).is_file())
}

/// The end of a log, for an error.
pub fn tail(log: &Path, lines: usize) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    let last = all
        .get(all.len().saturating_sub(lines)..)
        .unwrap_or_default();
    format!(
        "the last lines of {}:\n  {}",
        log.display(),
        last.join("\n  ")
    )
}

fn checked(command: &Command, output: Output) -> Result<Output> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {}: {}", shown(command), output.status, said.trim());
    }
    Ok(output)
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_quoted_in_the_error() {
        let error = output("sh", &["-c", "echo no such bridge >&2; exit 3"])
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("exit status: 3: no such bridge"), "{error}");
    }
}
