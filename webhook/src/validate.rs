//! `/validate`: what schema and CEL can't see, with the operator's own parser.

use crds::{Kind, MCPAccessGrant, MCPAgentSession, Problem, Problems, Settings, Warning, names};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use crate::review::{Answer, Cause, Refusal, Request, ReviewError};

/// kubectl shows them all, one a line; more than these nobody reads.
const MOST_WARNINGS: usize = 5;

/// The answer to a review of one of our kinds.
///
/// # Errors
/// [`ReviewError`] for other kinds.
pub(crate) fn answer(
    request: &mut Request,
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
    Ok(match check(kind, &mut request.object, settings, now) {
        Ok(warnings) => Answer {
            warnings: texts(&warnings),
            ..Answer::allow("Valid")
        },
        Err(problems) => judge(request, kind, settings, now, problems),
    })
}

/// What the operator will make of an object: warnings, or why it will make nothing of it. Takes the
/// spec out of a server, which is large.
fn check(
    kind: Kind,
    object: &mut Value,
    settings: &Settings,
    now: Timestamp,
) -> Result<Vec<Warning>, Problems> {
    match kind {
        Kind::Server => {
            let metadata = read::<ObjectMeta>(object.get("metadata").unwrap_or(&Value::Null))?;
            let spec = object.get_mut("spec").map(Value::take).unwrap_or_default();
            crds::parse_spec(&metadata, spec, settings).map(|server| crds::warnings(&server))
        }
        Kind::Grant => read::<MCPAccessGrant>(object)
            .and_then(|object| crds::parse_grant(&object))
            .map(|grant| crds::grant_warnings(&grant)),
        Kind::Session => read::<MCPAgentSession>(object)
            .and_then(|object| crds::parse_session(&object))
            .map(|session| crds::session_warnings(&session, now)),
    }
}

/// Refuses for what an update broke; what was wrong before it stays the author's to mend, with a
/// warning, as the API server does with its own rules.
fn judge(
    request: &mut Request,
    kind: Kind,
    settings: &Settings,
    now: Timestamp,
    problems: Problems,
) -> Answer {
    if request.old_object.is_null() {
        return refuse(request, &problems);
    }
    let Err(old) = check(kind, &mut request.old_object, settings, now) else {
        return refuse(request, &problems);
    };
    let told = problems.to_string();
    let broken = problems.since(&old);
    if broken.is_empty() {
        return Answer {
            warnings: vec![format!("still invalid: {told}")],
            ..Answer::allow("StillInvalid")
        };
    }
    refuse(request, &broken)
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

fn read<'a, T: Deserialize<'a>>(object: &'a Value) -> Result<T, Problems> {
    T::deserialize(object).map_err(|error| {
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
