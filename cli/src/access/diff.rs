//! `access diff`: whose answers another policy changes.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use policy::{Decision, Policy, decide};
use serde::Serialize;
use serde_json::Value;

use super::Format;
use super::answer::Answer;
use super::explain::write_json;
use super::matrix::{call, subjects};
use super::request::Question;
use super::source::{self, Loaded};
use super::text::verdict;

/// Before, after, and for which requests.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The policy document before
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// After: a policy document, or with --server the manifests to compile it from
    #[arg(short, long, value_name = "FILE|DIR", num_args = 1.., required = true)]
    filename: Vec<PathBuf>,
    /// The server whose policy the manifests are compiled to
    #[arg(long, value_name = "[NS/]NAME")]
    server: Option<String>,
    /// Requests, one JSON object a line [default: each subject of either policy calls each tool]
    #[arg(long, value_name = "FILE.jsonl")]
    requests: Option<PathBuf>,
    /// The time to decide at [default: now]
    #[arg(long, value_name = "RFC3339")]
    now: Option<Timestamp>,
    /// How answers are written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// One request that is answered otherwise.
#[derive(Debug, Serialize)]
struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    before: Answer,
    after: Answer,
}

/// Those that change, in the order of the requests; always answered.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<u8> {
    let before = source::read(&args.policy)?;
    let after = match (&args.server, args.filename.as_slice()) {
        (Some(server), files) => source::compile(files, server)?,
        (None, [file]) => source::read(file)?,
        (None, _) => {
            return Err(anyhow!(
                "-f takes one policy document, or manifests with --server"
            ));
        }
    };
    let policies = (before.policy()?, after.policy()?);
    let questions = match &args.requests {
        Some(file) => read(file)?,
        None => pairs(&before, &after),
    };
    let now = args.now.unwrap_or_else(Timestamp::now);
    for question in questions {
        let at = question.now.unwrap_or(now);
        let before = answer(&policies.0, &question, at);
        let after = answer(&policies.1, &question, at);
        if same(&before, &after) {
            continue;
        }
        match args.output {
            Format::Json => {
                let (before, after) = (Answer::of(None, before), Answer::of(None, after));
                write_json(
                    &Change {
                        id: question.id,
                        before,
                        after,
                    },
                    out,
                )?;
            }
            Format::Text => {
                let ends = [&before, &after].map(|d| format!("{} {}", verdict(d), d.reason));
                let (caller, asks) = (question.caller(), question.asks());
                writeln!(out, "{caller}, {asks}: {}", ends.join(" -> "))?;
            }
        }
    }
    Ok(0)
}

fn answer(policy: &Policy, question: &Question, now: Timestamp) -> Decision {
    decide(Some(policy), &question.request(), now)
}

/// Another revision alone is no change.
fn same(before: &Decision, after: &Decision) -> bool {
    let mut after = after.clone();
    after
        .basis
        .policy_revision
        .clone_from(&before.basis.policy_revision);
    *before == after
}

fn read(file: &PathBuf) -> anyhow::Result<Vec<Question>> {
    let text = fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
    let lines = text.trim_ascii_end().split(|byte| *byte == b'\n');
    lines
        .enumerate()
        .map(|(i, line)| {
            Question::parse(line).map_err(|bad| {
                let (file, field, why) = (file.display(), bad.error.field, bad.error.message);
                anyhow!("{file}:{}: {field} {why}", i + 1)
            })
        })
        .collect()
}

/// Every subject of either policy calls every tool of either.
fn pairs(before: &Loaded, after: &Loaded) -> Vec<Question> {
    let documents = [before.document(), after.document()];
    let who: BTreeSet<_> = documents
        .iter()
        .flat_map(|document| subjects(document))
        .collect();
    let tools: BTreeSet<&String> = documents
        .iter()
        .flat_map(|document| document.tools.iter().map(|tool| &tool.name))
        .collect();
    who.iter()
        .flat_map(|who| tools.iter().map(move |tool| (who, tool)))
        .map(|(who, tool)| {
            let id = Value::String(format!("{who}, {tool}"));
            Question {
                id: Some(id),
                ..call(who, tool, None)
            }
        })
        .collect()
}
