//! `validate`: what the cluster would say of manifests, without one.
//!
//! The functions that the webhook calls, over all the manifests as a set.

mod manifests;
mod positions;
mod report;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use crds::{Set, Settings};
use jiff::Timestamp;

use crate::input;
use crate::output::{self, exit};
use manifests::Document;
use report::Report;

/// Say what is wrong with MCPServers, MCPAccessGrants and MCPAgentSessions, without a cluster.
///
/// The same schema, rules and checks as at kubectl apply, with file and line, and as strict as
/// kubectl: a field that doesn't exist is an error. All manifests are judged as one set: grants
/// and sessions see the servers among them, and a rule for a tool that such a server doesn't
/// declare is an error. Objects of other groups are passed over.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mcp-runtime validate -f team-a/
  kustomize build . | mcp-runtime validate -f - --settings settings.yaml -o json
Exit codes: 0 all are valid, 1 one is invalid, 2 usage or unreadable input.")]
pub(crate) struct ValidateArgs {
    /// Manifests, YAML or JSON; folders are read whole, - is stdin
    #[arg(short, long, value_name = "FILE|DIR|-", required = true, num_args = 1..)]
    filename: Vec<PathBuf>,
    /// Namespace of objects that name none
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Manifests that stand for what is in the cluster already: they count, and nothing is said of them
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    objects: Vec<PathBuf>,
    /// The platform's settings, as in ConfigMap mcp-runtime-settings; without, any gateway.image may be allowed
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// How the answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each error and warning, as compilers write them
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// Judges the manifests.
pub(crate) fn validate(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    let documents = manifests::read(&args.filename, &args.namespace)?;
    let beside = manifests::read(&args.objects, &args.namespace)?;
    let mut set = Set::new(settings(args.settings.as_deref(), &documents)?);
    for document in beside.iter().chain(&documents) {
        set.add(&document.object);
    }
    let now = Timestamp::now();
    let ours = documents.iter().filter(|document| document.is_ours());
    let reports: Vec<Report<'_>> = ours
        .map(|document| Report::new(document, set.judge(&document.object, now)))
        .collect();
    let text = match args.output {
        Format::Text => report::text(&reports),
        Format::Json => report::json(&reports)?,
    };
    output::print(&text)?;
    let invalid = reports.iter().filter(|report| !report.is_valid()).count();
    let counted = report::counted(reports.len(), invalid, documents.len());
    writeln!(io::stderr(), "{counted}")?;
    Ok(if invalid == 0 { 0 } else { exit::NO }.into())
}

/// Those of the file; without one nobody knows which images the platform allows, so all that are
/// asked for are.
fn settings(path: Option<&Path>, documents: &[Document]) -> anyhow::Result<Settings> {
    if let Some(path) = path {
        return input::settings(path);
    }
    let asked = documents.iter().filter_map(|document| {
        let image = document.object.pointer("/spec/gateway/image")?;
        Some(image.as_str()?.to_owned())
    });
    Ok(Settings {
        proxy_images: asked.collect(),
        ..Settings::default()
    })
}
