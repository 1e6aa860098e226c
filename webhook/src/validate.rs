//! `/validate`: what schema and CEL can't see, with the operator's own parser.

use crds::{
    Grant, Kind, Lookup, MCPAccessGrant, MCPAgentSession, Problem, Problems, Route, Server,
    Session, Settings, Warning, names,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use crate::cluster::{Cluster, FOR_A_WARNING};
use crate::outcome::Outcome;
use crate::review::{Answer, Cause, Refusal, Request, ReviewError};

/// Kubernetes asks for no more, and for short ones; kubectl shows each on a line.
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
        return Ok(Answer::allow(Outcome::Unchanged.as_str()));
    }
    let reader = Reader {
        kind,
        cluster,
        settings,
        keeps_route: keeps_route(kind, request),
    };
    Ok(match reader.read(&mut request.object) {
        Ok(meant) => Answer {
            warnings: texts(&warnings(&meant, cluster, settings, now).await),
            ..Answer::allow(Outcome::Valid.as_str())
        },
        Err(problems) => judge(request, &reader, problems),
    })
}

/// An update that leaves a server's route as it is.
fn keeps_route(kind: Kind, request: &Request) -> bool {
    // Of the metadata a route's place has the name alone; the rest is long.
    let route = |object: &Value| {
        let name = object.pointer("/metadata/name").and_then(Value::as_str);
        let metadata = ObjectMeta {
            name: name.map(str::to_owned),
            ..ObjectMeta::default()
        };
        Some(Route::of_spec(&metadata, object.get("spec")?))
    };
    let (new, old) = (&request.object, &request.old_object);
    kind == Kind::Server
        && !old.is_null()
        && route(new)
            .zip(route(old))
            .is_some_and(|(new, old)| new.is_same(&old))
}

/// An object as the operator will take it.
enum Meant {
    Server(Box<Server>),
    Grant(Box<Grant>),
    Session(Box<Session>),
}

/// Makes of an object what the operator will make of it.
struct Reader<'a> {
    kind: Kind,
    cluster: &'a Cluster,
    settings: &'a Settings,
    keeps_route: bool,
}

impl Reader<'_> {
    /// What is meant, or why nothing will come of it. Takes the spec out of a server, which is large.
    fn read(&self, object: &mut Value) -> Result<Meant, Problems> {
        match self.kind {
            Kind::Server => {
                let metadata: ObjectMeta = typed(object.get("metadata").unwrap_or(&Value::Null))?;
                let spec = object.get_mut("spec").map(Value::take).unwrap_or_default();
                let route = Route::of_spec(&metadata, &spec);
                let server = crds::parse_spec(&metadata, spec, self.settings)?;
                match self.rival(&route) {
                    Some(owner) => Err(Problems(vec![route.problem(&owner, self.settings)])),
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

    /// Whose a route is that was asked for before goes by age, as the operator decides it. Who asks for
    /// another one gets none that somebody has, however old the server.
    fn rival(&self, route: &Route) -> Option<Route> {
        if self.keeps_route {
            self.cluster.owner_of_route(route, self.settings)
        } else {
            self.cluster.rival(route, self.settings)
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
    let allowed = Answer::allow(Outcome::Deleted.as_str());
    if kind != Kind::Server || !request.sub_resource.is_empty() {
        return allowed;
    }
    let grants = cluster.grants(&request.namespace, request.object_name());
    let live: Vec<&str> = grants
        .iter()
        .filter(|grant| !grant.disabled)
        .map(|grant| grant.name.as_str())
        .collect();
    if live.is_empty() {
        return allowed;
    }
    let warning = crds::deleted_with_grants(&live);
    Answer {
        warnings: texts(&[warning]),
        ..allowed
    }
}

/// Refuses for what an update broke; what was wrong before it stays the author's to mend, with a
/// warning, as the API server does with its own rules.
fn judge(request: &mut Request, reader: &Reader<'_>, problems: Problems) -> Answer {
    if request.old_object.is_null() {
        return refuse(request, &problems);
    }
    let Err(old) = reader.read(&mut request.old_object) else {
        return refuse(request, &problems);
    };
    let still = problems.clone();
    let broken = problems.since(&old);
    if broken.is_empty() {
        let told = still.iter().map(|problem| Warning {
            code: problem.code,
            message: format!("still invalid: {problem}"),
        });
        return Answer {
            warnings: texts(&told.collect::<Vec<_>>()),
            ..Answer::allow(Outcome::StillInvalid.as_str())
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
    T::deserialize(object).map_err(|error| Problems(vec![Problem::unreadable("spec", &error)]))
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

/// The last line says how many there is no room for.
fn texts(warnings: &[Warning]) -> Vec<String> {
    let room = match warnings.len() {
        ..=MOST_WARNINGS => MOST_WARNINGS,
        _ => MOST_WARNINGS.saturating_sub(1),
    };
    let mut told: Vec<String> = warnings
        .iter()
        .take(room)
        .map(ToString::to_string)
        .collect();
    let more = warnings.len().saturating_sub(told.len());
    if more > 0 {
        told.push(format!(
            "{more} more warnings; mcp-runtime validate -f tells them all"
        ));
    }
    told
}
