//! What would come of pods, in a word and a sentence.

use std::fmt::Write as _;

use injector::{Code, Injection};
use serde::Serialize;

use super::args::ExplainedFormat;
use super::documents::Document;
use super::judge::{Platform, governed};
use super::pods::{self, Pod};
use super::write::lines;

/// One answer.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    /// The webhook's word.
    code: &'static str,
    /// `patch`, `allow` or `deny`.
    result: &'static str,
    /// For people.
    message: String,
    /// Path in the document of what is refused; empty where nothing is.
    field: String,
    #[serde(skip)]
    document: String,
}

impl Explanation {
    pub(super) fn is_denial(&self) -> bool {
        self.result == "deny"
    }
}

/// The answers, one a document; for a list one a pod of its items.
pub(super) fn of(documents: &[Document], platform: &Platform) -> anyhow::Result<Vec<Explanation>> {
    let mut explanations = Vec::new();
    for document in documents {
        let pods = pods::of(&document.object);
        if pods.is_empty() {
            let message = "has no pods".to_owned();
            explanations.push(allowed(document, Code::NotGoverned, message));
        }
        for pod in pods {
            explanations.push(explained(document, &pod, platform)?);
        }
    }
    Ok(explanations)
}

fn explained(document: &Document, pod: &Pod, platform: &Platform) -> anyhow::Result<Explanation> {
    Ok(match platform.judge(document, pod)? {
        Injection::Deny(denial) => Explanation {
            code: denial.code.as_str(),
            result: "deny",
            message: format!("{}; {}", denial.message, denial.remedy),
            field: pod.field(&denial.field),
            document: document.to_string(),
        },
        Injection::Allow(code) => {
            let message = match code {
                Code::NotGoverned => format!("isn't labelled {}", governed()),
                _ => "has its proxy already".to_owned(),
            };
            allowed(document, code, message)
        }
        Injection::Patch { code, .. } => {
            let name = injector::server_label(&pod.value);
            let mut message = match code {
                Code::Repaired => format!("the proxy of MCPServer {name} is put right again"),
                _ => format!("gets the proxy of MCPServer {name}"),
            };
            if platform.is_managed(document, pod) {
                message.push_str(", in the cluster only as a pod of the server's own Deployment");
            }
            Explanation {
                result: "patch",
                ..allowed(document, code, message)
            }
        }
    })
}

fn allowed(document: &Document, code: Code, message: String) -> Explanation {
    Explanation {
        code: code.as_str(),
        result: "allow",
        message,
        field: String::new(),
        document: document.to_string(),
    }
}

pub(super) fn written(
    explanations: &[Explanation],
    format: ExplainedFormat,
) -> anyhow::Result<String> {
    if format == ExplainedFormat::Json {
        return lines(explanations);
    }
    let mut text = String::new();
    for Explanation {
        code,
        result,
        message,
        field,
        document,
    } in explanations
    {
        let field = match field.as_str() {
            "" => String::new(),
            field => format!("{field}: "),
        };
        writeln!(text, "{document}: {result} {code}: {field}{message}")?;
    }
    Ok(text)
}
