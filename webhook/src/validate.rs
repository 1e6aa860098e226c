//! `/validate`: what schema and CEL can't see, with the operator's own parser.

use crds::{
    Kind, MCPAccessGrant, MCPAgentSession, MCPServer, Problem, Problems, Settings, Warning, names,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::review::{Answer, Cause, Refusal, Request, ReviewError};

/// kubectl shows them all, one a line; more than these nobody reads.
const MOST_WARNINGS: usize = 5;

/// The answer to a review of one of our kinds.
///
/// # Errors
/// [`ReviewError`] for other kinds.
pub(crate) fn answer(
    request: &Request,
    settings: &Settings,
    now: Timestamp,
) -> Result<Answer, ReviewError> {
    let kind = Kind::from_kind(&request.kind.kind).filter(|_| request.kind.group == names::GROUP);
    let Some(kind) = kind else {
        return Err(ReviewError::NotForUs {
            endpoint: "/validate",
            group: request.kind.group.clone(),
            kind: request.kind.kind.clone(),
        });
    };
    if passes_unread(request) {
        return Ok(Answer::allow("Unchanged"));
    }
    let found = match kind {
        Kind::Server => read::<MCPServer>(request)
            .and_then(|object| crds::parse(&object, settings))
            .map(|server| crds::warnings(&server)),
        Kind::Grant => read::<MCPAccessGrant>(request)
            .and_then(|object| crds::parse_grant(&object))
            .map(|grant| crds::grant_warnings(&grant)),
        Kind::Session => read::<MCPAgentSession>(request)
            .and_then(|object| crds::parse_session(&object))
            .map(|session| crds::session_warnings(&session, now)),
    };
    Ok(match found {
        Ok(warnings) => Answer {
            warnings: texts(&warnings),
            ..Answer::allow("Valid")
        },
        Err(problems) => refuse(request, &problems),
    })
}

/// Deletions, subresources, objects on their way out, and updates that leave the spec as it is: an
/// old spec that would be refused today must not keep a finalizer or a label from being changed.
fn passes_unread(request: &Request) -> bool {
    let (new, old) = (&request.object, &request.old_object);
    new.is_null()
        || !request.sub_resource.is_empty()
        || new
            .pointer("/metadata/deletionTimestamp")
            .is_some_and(|time| !time.is_null())
        || (!old.is_null() && new.get("spec") == old.get("spec"))
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, Problems> {
    // From the text again: the path in serde's message is worth the copy.
    serde_json::from_value(request.object.clone()).map_err(|error| {
        Problems(vec![Problem {
            code: "unreadable",
            field: "spec".into(),
            value: String::new(),
            message: error.to_string(),
            remedy: "compare with kubectl explain".into(),
        }])
    })
}

fn refuse(request: &Request, problems: &Problems) -> Answer {
    let code = problems
        .iter()
        .next()
        .map_or("invalid", |problem| problem.code);
    let causes = problems.iter().map(|problem| Cause {
        reason: problem.code.into(),
        message: message(problem),
        field: problem.field.clone(),
    });
    let kind = &request.kind.kind;
    let name = request.object_name();
    Answer::deny(
        code,
        Refusal {
            status: 422,
            message: format!("{kind} {name:?} is invalid: {problems}"),
            causes: causes.collect(),
        },
    )
}

/// A problem without its field, which stands before it wherever causes are shown.
fn message(problem: &Problem) -> String {
    let Problem {
        value,
        message,
        remedy,
        ..
    } = problem;
    if value.is_empty() {
        format!("{message}; {remedy}")
    } else {
        format!("{value:?}: {message}; {remedy}")
    }
}

fn texts(warnings: &[Warning]) -> Vec<String> {
    warnings
        .iter()
        .take(MOST_WARNINGS)
        .map(ToString::to_string)
        .collect()
}
