//! `mcp-proxy --check`: would this policy be put in force?

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;

use crate::config::ServeArgs;
use crate::policy_source::{Files, Loaded, load};

/// What is printed of a valid policy.
#[derive(Serialize)]
struct Report<'a> {
    revision: &'a str,
    schema_version: &'a str,
    server: &'a str,
    namespace: &'a str,
    auth_mode: &'a str,
    tools: usize,
    grants: usize,
    sessions: usize,
}

/// Reads the policy and prints what it is; 1 where it isn't valid.
///
/// # Errors
/// When no file is given or it can't be read.
pub(super) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let path = args.policy.as_ref().context("--check needs --policy")?;
    let files = Files::read(path).with_context(|| format!("reading {}", path.display()))?;
    let shards = |name: &str| files.shard(name);
    let rules = match load(&files.document, &shards, &args.gaps(), None) {
        Loaded::Whole(rules) => rules,
        Loaded::DenialsOnly { error, .. } | Loaded::Nothing(error) => {
            tracing::error!(error = crate::error_chain(&error), "not a valid policy");
            return Ok(ExitCode::FAILURE);
        }
    };
    let policy = &rules.policy;
    let report = Report {
        revision: policy.revision(),
        schema_version: policy.schema_version(),
        server: &rules.server.name,
        namespace: &rules.server.namespace,
        auth_mode: policy.auth().mode.as_str(),
        tools: policy.tool_names().count(),
        grants: policy.grant_count(),
        sessions: policy.session_count(),
    };
    let mut line = serde_json::to_vec(&report)?;
    line.push(b'\n');
    std::io::stdout().write_all(&line).context("printing")?;
    Ok(ExitCode::SUCCESS)
}
