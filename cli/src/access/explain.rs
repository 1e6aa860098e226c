//! `access explain`: each request's decision and why.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use policy::{Policy, decide, explain};

use super::Format;
use super::answer::Answer;
use super::request::{BadLine, Question, Who};
use super::source::PolicySource;
use super::text;
use crate::output::exit;

/// What to explain, by which policy.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcp-runtime access explain --policy policy.json --human ann --name delete
  mcp-runtime access explain -f manifests/ --server everything --requests calls.jsonl -o json
Exit codes: 0 answered, 1 denied (with --exit-code), 2 a line, the policy or the usage can't be read, 3 cluster unreachable.")]
pub(crate) struct Args {
    #[command(flatten)]
    source: PolicySource,
    #[command(flatten)]
    one: One,
    /// Requests, one JSON object a line; - for stdin
    #[arg(
        long,
        value_name = "FILE.jsonl|-",
        required_unless_present = "One",
        conflicts_with = "One"
    )]
    requests: Option<PathBuf>,
    /// The time to decide at [default: now]
    #[arg(long, value_name = "RFC3339")]
    now: Option<Timestamp>,
    /// Show each step of the decision
    #[arg(long)]
    steps: bool,
    /// End with 1 where a request is denied
    #[arg(long)]
    exit_code: bool,
    /// How answers are written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// One request, by flags.
#[derive(Debug, clap::Args)]
#[group(id = "One", multiple = true)]
struct One {
    /// The person who calls
    #[arg(long, value_name = "ID")]
    human: Option<String>,
    /// The agent that calls
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// The team that calls
    #[arg(long, value_name = "ID")]
    team: Option<String>,
    /// The session presented
    #[arg(long, value_name = "[NS/]NAME")]
    session: Option<String>,
    /// The JSON-RPC method [default: tools/call with --name, else initialize]
    #[arg(long)]
    method: Option<String>,
    /// The tool, prompt or resource
    #[arg(long)]
    name: Option<String>,
}

impl One {
    fn question(&self) -> Question {
        let nobody = self.human.is_none() && self.agent.is_none() && self.team.is_none();
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let default = if self.name.is_some() {
            "tools/call"
        } else {
            "initialize"
        };
        Question {
            subject: (!nobody).then(|| Who {
                human: text(&self.human),
                agent: text(&self.agent),
                team: text(&self.team),
            }),
            session: self.session.clone(),
            method: Some(self.method.clone().unwrap_or_else(|| default.into())),
            name: self.name.clone(),
            ..Question::default()
        }
    }
}

/// Answers each request in order; the exit code.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<u8> {
    let policy = args.source.load()?.policy()?;
    let mut session = Session {
        args,
        policy: &policy,
        bad: false,
        denied: false,
    };
    match &args.requests {
        None => session.answer(args.one.question(), out)?,
        Some(file) => session.answer_lines(open(file)?, out)?,
    }
    Ok(match session {
        Session { bad: true, .. } => exit::USAGE,
        Session { denied: true, .. } if args.exit_code => exit::NO,
        _ => 0,
    })
}

fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let open = File::open(file).with_context(|| format!("can't read {}", file.display()))?;
    Ok(Box::new(BufReader::new(open)))
}

/// What is known while the requests are answered.
struct Session<'a> {
    args: &'a Args,
    policy: &'a Policy,
    bad: bool,
    denied: bool,
}

impl Session<'_> {
    /// One answer for each line, as soon as the line is there.
    fn answer_lines(&mut self, mut lines: impl BufRead, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut line = Vec::new();
        let mut number = 0;
        while lines
            .read_until(b'\n', &mut line)
            .context("can't read the requests")?
            > 0
        {
            number += 1;
            match Question::parse(line.trim_ascii_end()) {
                Ok(question) => self.answer(question, out)?,
                Err(bad) => self.refuse(number, &bad, out)?,
            }
            line.clear();
        }
        Ok(())
    }

    fn answer(&mut self, question: Question, out: &mut dyn Write) -> anyhow::Result<()> {
        let now = question
            .now
            .or(self.args.now)
            .unwrap_or_else(Timestamp::now);
        let request = question.request();
        let policy = Some(self.policy);
        if self.args.output == Format::Json && !self.args.steps {
            let decision = decide(policy, &request, now);
            self.denied |= !decision.passes();
            write_json(&Answer::of(question.id, decision), out)?;
            return Ok(());
        }
        let explanation = explain(policy, &request, now);
        self.denied |= !explanation.decision.passes();
        match self.args.output {
            Format::Json => write_json(&Answer::with_steps(question.id, explanation), out)?,
            Format::Text => {
                let steps = self.args.steps;
                text::explanation(self.policy, &question, &explanation, steps, out)?;
            }
        }
        Ok(())
    }

    fn refuse(&mut self, line: usize, bad: &BadLine, out: &mut dyn Write) -> anyhow::Result<()> {
        self.bad = true;
        match self.args.output {
            Format::Json => write_json(bad, out)?,
            Format::Text => {
                let field = match bad.error.field.as_str() {
                    "" => String::new(),
                    field => format!(" {field}:"),
                };
                writeln!(
                    out,
                    "UNREADABLE line {line}:{field} {}\n",
                    bad.error.message
                )?;
            }
        }
        Ok(())
    }
}

pub(super) fn write_json(value: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
