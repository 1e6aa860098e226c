//! `inject`, `uninject`, `explain-injection`: what the webhook does to pods, on manifests.
//!
//! The same function as the webhook's, on the same raw JSON; nothing here asks a cluster.

mod args;
mod documents;
mod explain;
mod judge;
mod patch;
mod pods;
mod write;

use std::io::{self, Write};
use std::process::ExitCode;

use injector::Injection;

pub(crate) use args::{ExplainArgs, InjectArgs, UninjectArgs};
use documents::Document;
use judge::Platform;

use crate::output::{self, exit};

/// Writes the manifests with the proxy in their pods.
pub(crate) fn inject(args: &InjectArgs) -> anyhow::Result<ExitCode> {
    let documents = args.input.read()?;
    let platform = Platform::read(&args.platform, &documents)?;
    let mut injected = Vec::new();
    let mut denied = Denied::default();
    for document in documents {
        let mut operations = Vec::new();
        for pod in pods::of(&document.object) {
            match platform.judge(&document, &pod)? {
                Injection::Patch { ops, .. } => operations.extend(patch::at(&pod.pointer, ops)?),
                Injection::Allow(_) => (),
                Injection::Deny(denial) => denied.add(&document, &pod.denied(&denial))?,
            }
        }
        injected.push((document, operations));
    }
    if denied.any {
        return Ok(exit::NO.into());
    }
    output::print(&write::injected(injected, args.output)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the manifests as they were before.
pub(crate) fn uninject(args: &UninjectArgs) -> anyhow::Result<ExitCode> {
    let mut documents = args.input.read()?;
    let mut denied = Denied::default();
    for document in &mut documents {
        for pod in pods::of(&document.object) {
            match injector::uninject(&pod.value) {
                Ok(before) => pod.replace(&mut document.object, before),
                Err(error) => denied.add(document, &format!("{:#}", anyhow::Error::new(error)))?,
            }
        }
    }
    if denied.any {
        return Ok(exit::NO.into());
    }
    let objects: Vec<_> = documents.iter().map(|document| &document.object).collect();
    output::print(&write::objects(&objects, args.output)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Says of each pod what would come of it.
pub(crate) fn explain(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let documents = args.input.read()?;
    let platform = Platform::read(&args.platform, &documents)?;
    let explanations = explain::of(&documents, &platform)?;
    let denied = explanations.iter().any(explain::Explanation::is_denial);
    output::print(&explain::written(&explanations, args.output)?)?;
    Ok(if denied { exit::NO } else { 0 }.into())
}

/// What is refused is said on stderr, and then nothing is written: half a set of manifests is
/// worse than none for whoever pipes them on.
#[derive(Debug, Default)]
struct Denied {
    any: bool,
}

impl Denied {
    fn add(&mut self, document: &Document, said: &str) -> io::Result<()> {
        self.any = true;
        writeln!(io::stderr(), "{document}: {said}")
    }
}
