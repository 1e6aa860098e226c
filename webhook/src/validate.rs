//! `/validate`: what schema and CEL can't see, with the operator's own parser.

use crds::{
    Grant, Kind, Lookup, MCPAccessGrant, MCPAgentSession, Problem, Problems, Route, Server,
    Session, Settings, Warning, WarningCode, names,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use crate::cluster::{Cluster, FOR_A_WARNING};
use crate::review::{Answer, Cause, Refusal, Request, ReviewError};

/// kubectl shows them all, one a line; more than these nobody reads.
const MOST_WARNINGS: usize = 5;

/// The answer to a review of one of our kinds.
///
/// # Errors
/// [`ReviewError`] for other kinds.
pub(crate) async fn answer(
    request: &mut Request,
    cluster: &Cluster,
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
    if request.operation == "DELETE" {
        return Ok(deleted(kind, request, cluster));
    }
    if passes_unread(request) {
        return Ok(Answer::allow("Unchanged"));
    }
    Ok(match read(kind, &mut request.object, cluster, settings) {
        Ok(meant) => Answer {
            warnings: texts(&warnings(&meant, cluster, settings, now).await),
            ..Answer::allow("Valid")
        },
        Err(problems) => judge(request, kind, cluster, settings, problems),
    })
}

/// An object as the operator will take it.
enum Meant {
    Server(Box<Server>),
    Grant(Box<Grant>),
    Session(Box<Session>),
}

/// What the operator will make of an object, or why it will make nothing of it. Takes the spec out
/// of a server, which is large.
fn read(
    kind: Kind,
    object: &mut Value,
    cluster: &Cluster,
    settings: &Settings,
) -> Result<Meant, Problems> {
    match kind {
        Kind::Server => {
            let metadata: ObjectMeta = typed(object.get("metadata").unwrap_or(&Value::Null))?;
            let spec = object.get_mut("spec").map(Value::take).unwrap_or_default();
            let route = Route::of_spec(&metadata, &spec);
            let server = crds::parse_spec(&metadata, spec, settings)?;
            match cluster.rival(&route, settings) {
                Some(owner) => Err(Problems(vec![route.problem(&owner, settings)])),
                None => Ok(Meant::Server(Box::new(server))),
            }
        }
        Kind::Grant => {
            let object: MCPAccessGrant = typed(object)?;
            Ok(Meant::Grant(Box::new(crds::parse_grant(&object)?)))
        }
        Kind::Session => {
            let object: MCPAgentSession = typed(object)?;
            Ok(Meant::Session(Box::new(crds::parse_session(&object)?)))
        }
    }
}

async fn warnings(
    meant: &Meant,
    cluster: &Cluster,
    settings: &Settings,
    now: Timestamp,
) -> Vec<Warning> {
    match meant {
        Meant::Server(server) => crds::warnings(server),
        Meant::Grant(grant) => {
            let (namespace, server) = (&grant.server_namespace, &grant.server);
            let found = Found::of(cluster, &grant.namespace, namespace, server, settings).await;
            let others = cluster.grants(namespace, server);
            crds::grant_warnings(grant, found.look_up(), &others)
        }
        Meant::Session(session) => {
            let (namespace, server) = (&session.server_namespace, &session.server);
            let found = Found::of(cluster, &session.namespace, namespace, server, settings).await;
            crds::session_warnings(session, found.look_up(), now)
        }
    }
}

/// The server that a grant or session names.
enum Found {
    Unknown,
    Missing,
    Server(Box<Server>),
}

impl Found {
    /// Asked for only on behalf of the server's own namespace: nobody else is told about it. One
    /// that the watch hasn't seen may have been applied a moment ago, so the API server is asked.
    async fn of(
        cluster: &Cluster,
        asker: &str,
        namespace: &str,
        name: &str,
        settings: &Settings,
    ) -> Self {
        if asker != namespace {
            return Self::Unknown;
        }
        let object = match cluster.cached(namespace, name) {
            Some(object) => Some(object),
            None => match cluster.server(namespace, name, FOR_A_WARNING).await {
                Ok(found) => found,
                Err(_) => return Self::Unknown,
            },
        };
        match object.map(|object| crds::parse(&object, settings)) {
            None => Self::Missing,
            Some(Err(_)) => Self::Unknown,
            Some(Ok(server)) => Self::Server(Box::new(server)),
        }
    }

    fn look_up(&self) -> Lookup<'_> {
        match self {
            Self::Unknown => Lookup::Unknown,
            Self::Missing => Lookup::Missing,
            Self::Server(server) => Lookup::Found(server),
        }
    }
}

/// Nobody is kept from deleting; who deletes a server is told whose access hangs on its name.
fn deleted(kind: Kind, request: &Request, cluster: &Cluster) -> Answer {
    let allowed = Answer::allow("Deleted");
    if kind != Kind::Server || !request.sub_resource.is_empty() {
        return allowed;
    }
    let grants = cluster.grants(&request.namespace, request.object_name());
    let live: Vec<&str> = grants
        .iter()
        .filter(|grant| !grant.disabled)
        .map(|grant| grant.name.as_str())
        .collect();
    let Some(first) = live.first() else {
        return allowed;
    };
    let more = match live.len() {
        1 => String::new(),
        many => format!(" and {} more", many.saturating_sub(1)),
    };
    let warning = Warning {
        code: WarningCode::DeletedWithGrants.as_str(),
        message: format!(
            "MCPAccessGrant {first}{more} still names this server, and will count for the next one of its name"
        ),
    };
    Answer {
        warnings: texts(&[warning]),
        ..allowed
    }
}

/// Refuses for what an update broke; what was wrong before it stays the author's to mend, with a
/// warning, as the API server does with its own rules.
fn judge(
    request: &mut Request,
    kind: Kind,
    cluster: &Cluster,
    settings: &Settings,
    problems: Problems,
) -> Answer {
    if request.old_object.is_null() {
        return refuse(request, &problems);
    }
    let Err(old) = read(kind, &mut request.old_object, cluster, settings) else {
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

/// Subresources, objects on their way out, and updates that leave the spec as it is: an
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

fn typed<'a, T: Deserialize<'a>>(object: &'a Value) -> Result<T, Problems> {
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
