//! `access matrix`: every subject that the policy names against every tool it declares.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::anyhow;
use jiff::Timestamp;
use policy::{Decision, Document, Policy, decide};
use serde::Serialize;

use super::Format;
use super::answer::Answer;
use super::explain::write_json;
use super::request::{Question, Who};
use super::source::PolicySource;
use super::text::verdict;

/// By which policy, for whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: PolicySource,
    /// A subject, as in human=ann,agent=ops [default: each that a grant or session names]
    #[arg(long, value_name = "FIELD=ID,…", value_parser = parse_subject)]
    subject: Vec<Who>,
    /// The session that every call presents
    #[arg(long, value_name = "[NS/]NAME")]
    session: Option<String>,
    /// The time to decide at [default: now]
    #[arg(long, value_name = "RFC3339")]
    now: Option<Timestamp>,
    /// How answers are written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

fn parse_subject(text: &str) -> anyhow::Result<Who> {
    let mut who = Who::default();
    for part in text.split(',') {
        let (field, value) = part
            .split_once('=')
            .ok_or_else(|| anyhow!("{part:?} isn't FIELD=ID"))?;
        let slot = match field {
            "human" => &mut who.human,
            "agent" => &mut who.agent,
            "team" => &mut who.team,
            _ => return Err(anyhow!("{field:?} isn't human, agent or team")),
        };
        value.clone_into(slot);
    }
    Ok(who)
}

/// One answer, and whose.
#[derive(Debug, Serialize)]
struct Cell<'a> {
    subject: &'a Who,
    name: &'a str,
    #[serde(flatten)]
    answer: Answer,
}

/// The call of each tool by each subject; always answered.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<u8> {
    let loaded = args.source.load()?;
    let policy = loaded.policy()?;
    let now = args.now.unwrap_or_else(Timestamp::now);
    let subjects = match args.subject.as_slice() {
        [] => subjects(loaded.document()),
        given => given.to_vec(),
    };
    if args.output == Format::Text {
        writeln!(
            out,
            "{:<32} {:<24} {:<8} REASON",
            "SUBJECT", "TOOL", "DECISION"
        )?;
    }
    for subject in &subjects {
        for tool in &loaded.document().tools {
            let question = call(subject, &tool.name, args.session.clone());
            let decision = decided(&policy, &question, now);
            match args.output {
                Format::Json => {
                    let answer = Answer::of(None, decision);
                    write_json(
                        &Cell {
                            subject,
                            name: &tool.name,
                            answer,
                        },
                        out,
                    )?;
                }
                Format::Text => {
                    let (who, verdict) = (subject.to_string(), verdict(&decision).to_lowercase());
                    let (name, reason) = (&tool.name, decision.reason.as_str());
                    writeln!(out, "{who:<32} {name:<24} {verdict:<8} {reason}")?;
                }
            }
        }
    }
    Ok(0)
}

/// A call of a tool.
pub(super) fn call(subject: &Who, tool: &str, session: Option<String>) -> Question {
    Question {
        subject: Some(subject.clone()),
        session,
        method: Some("tools/call".into()),
        name: Some(tool.into()),
        ..Question::default()
    }
}

fn decided(policy: &Policy, question: &Question, now: Timestamp) -> Decision {
    decide(Some(policy), &question.request(), now)
}

/// Whom grants and sessions speak of, an empty team being the server's; and an anonymous
/// caller's where the server asks nobody.
pub(super) fn subjects(document: &Document) -> Vec<Who> {
    let grants = document
        .grants
        .iter()
        .map(|g| (&g.human_id, &g.agent_id, &g.team_id));
    let sessions = document
        .sessions
        .iter()
        .map(|s| (&s.human_id, &s.agent_id, &s.team_id));
    let named: BTreeSet<Who> = grants
        .chain(sessions)
        .map(|(human, agent, team)| Who {
            human: human.clone(),
            agent: agent.clone(),
            team: if team.is_empty() {
                document.server.team_id.clone()
            } else {
                team.clone()
            },
        })
        // "Anyone" is no subject: nobody can call without a name.
        .filter(|who| *who != Who::default())
        .collect();
    named.into_iter().collect()
}
