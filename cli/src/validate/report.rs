//! What is said of each object, for people and for programs.

use std::fmt::Write as _;

use crds::{Judgement, Problem, Warning};
use serde::Serialize;

use super::manifests::Document;

/// What is said of one object.
#[derive(Debug)]
pub(super) struct Report<'a> {
    document: &'a Document,
    judgement: Judgement,
}

impl<'a> Report<'a> {
    pub(super) fn new(document: &'a Document, judgement: Judgement) -> Self {
        Self {
            document,
            judgement,
        }
    }

    pub(super) fn is_valid(&self) -> bool {
        self.judgement.problems.is_empty()
    }

    /// Where a warning's field is: it begins with the path.
    fn line_of(&self, warning: &Warning) -> usize {
        let path = |c: char| c.is_alphanumeric() || ".[]_-".contains(c);
        let field = warning.message.split(|c| !path(c)).next();
        self.document.line(field.unwrap_or_default())
    }
}

/// `file:line: error: field: "value": message; remedy (code)`.
pub(super) fn text(reports: &[Report<'_>]) -> String {
    let mut text = String::new();
    for report in reports {
        let file = &report.document.file;
        for problem in report.judgement.problems.iter() {
            let (line, code) = (report.document.line(&problem.field), problem.code);
            // Writing to a string can't fail.
            let _ = writeln!(text, "{file}:{line}: error: {problem} ({code})");
        }
        for warning in &report.judgement.warnings {
            let line = report.line_of(warning);
            let _ = writeln!(text, "{file}:{line}: warning: {warning}");
        }
    }
    text
}

/// The last word, for people.
pub(super) fn counted(ours: usize, invalid: usize, all: usize) -> String {
    let objects = |n: usize| format!("{n} object{}", if n == 1 { "" } else { "s" });
    let mut said = match (ours, invalid) {
        (0, _) => "no object of mcp-runtime".to_owned(),
        (ours, 0) => format!("{} valid", objects(ours)),
        (ours, invalid) => format!("{invalid} of {} invalid", objects(ours)),
    };
    if all > ours {
        let _ = write!(said, ", {} of other kinds passed over", all - ours);
    }
    said
}

#[derive(Serialize)]
struct Results<'a> {
    results: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    file: &'a str,
    line: usize,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    valid: bool,
    errors: Vec<Error<'a>>,
    warnings: Vec<Said<'a>>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'static str,
    field: &'a str,
    line: usize,
    value: &'a str,
    message: &'a str,
    remedy: &'a str,
}

#[derive(Serialize)]
struct Said<'a> {
    code: &'static str,
    line: usize,
    message: &'a str,
}

/// `{"results": […]}`.
pub(super) fn json(reports: &[Report<'_>]) -> serde_json::Result<String> {
    let results = reports.iter().map(one).collect();
    Ok(serde_json::to_string(&Results { results })? + "\n")
}

fn one<'a>(report: &'a Report<'_>) -> One<'a> {
    let document = report.document;
    One {
        file: &document.file,
        line: document.line(""),
        kind: document.text("/kind"),
        namespace: document.text("/metadata/namespace"),
        name: document.text("/metadata/name"),
        valid: report.is_valid(),
        errors: report
            .judgement
            .problems
            .iter()
            .map(|problem| error(document, problem))
            .collect(),
        warnings: report
            .judgement
            .warnings
            .iter()
            .map(|warning| Said {
                code: warning.code,
                line: report.line_of(warning),
                message: &warning.message,
            })
            .collect(),
    }
}

fn error<'a>(document: &Document, problem: &'a Problem) -> Error<'a> {
    Error {
        code: problem.code,
        field: &problem.field,
        line: document.line(&problem.field),
        value: &problem.value,
        message: &problem.message,
        remedy: &problem.remedy,
    }
}
