//! `/inject`: which server a pod names, whether it may, and the injector's answer.

use std::sync::Arc;
use std::time::Instant;

use crds::{MCPServer, Server, Settings, words::Workload};
use injector::{
    Code, Denial, Injection, Owners, belongs, inject, is_governed, replica_set_of, server_invalid,
    server_label, server_not_found, server_unnamed,
};

use crate::cluster::{Cluster, ClusterError, FOR_A_POD};
use crate::owned::{Chain, Owned};
use crate::parsed::Parsed;
use crate::review::{Answer, Cause, Refusal, Request, ReviewError};

/// No answer can be given, and the pod isn't to blame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InjectError {
    /// Another kind of object.
    #[error(transparent)]
    Review(#[from] ReviewError),
    /// The API server didn't say.
    #[error("looking up what pod {namespace}/{name} belongs to")]
    Lookup {
        /// The pod's.
        namespace: String,
        /// The pod's, or what it is generated from.
        name: String,
        /// What failed.
        #[source]
        source: ClusterError,
    },
    /// The injector is at fault.
    #[error("injecting into pod {namespace}/{name}")]
    Inject {
        /// The pod's.
        namespace: String,
        /// The pod's, or what it is generated from.
        name: String,
        /// What failed.
        #[source]
        source: injector::Fault,
    },
}

/// What needs not be asked or made again for each pod. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    parsed: Parsed,
    owned: Owned,
}

/// The answer to a review of a pod that is being created.
pub(crate) async fn answer(
    request: &Request,
    cluster: &Cluster,
    memory: &Memory,
    settings: &Arc<Settings>,
) -> Result<Answer, InjectError> {
    if !request.kind.group.is_empty() || request.kind.kind != "Pod" {
        return Err(InjectError::Review(ReviewError::NotForUs {
            endpoint: "/inject",
            group: request.kind.group.clone(),
            kind: request.kind.kind.clone(),
        }));
    }
    let created = request.operation == "CREATE" && request.sub_resource.is_empty();
    if !created || !is_governed(&request.object) {
        return Ok(Answer::allow(Code::NotGoverned.as_str()));
    }
    let name = server_label(&request.object);
    if name.is_empty() {
        return Ok(answered(Injection::Deny(server_unnamed())));
    }
    let mut inquiry = Inquiry {
        request,
        cluster,
        memory,
        settings,
        chain: None,
    };
    // A denial is never given on the cache's word: it may be older than the server it misses, and
    // a refused ReplicaSet waits longer each time before it tries again.
    if let Some(cached) = cluster.cached(&request.namespace, name) {
        let injection = inquiry.judge(Some(cached)).await?;
        if !matches!(injection, Injection::Deny(_)) {
            return Ok(answered(injection));
        }
    }
    let current = cluster.server(&request.namespace, name, FOR_A_POD).await;
    let current = current.map_err(|source| lookup(request, source))?;
    Ok(answered(inquiry.judge(current).await?))
}

/// One review, and what was asked on its behalf.
struct Inquiry<'a> {
    request: &'a Request,
    cluster: &'a Cluster,
    memory: &'a Memory,
    settings: &'a Arc<Settings>,
    /// What owns the pod; asked for once, whatever comes of the server.
    chain: Option<Chain>,
}

impl Inquiry<'_> {
    async fn judge(&mut self, server: Option<Arc<MCPServer>>) -> Result<Injection, InjectError> {
        let request = self.request;
        let server = match parse(request, server, &self.memory.parsed, self.settings) {
            Ok(server) => server,
            Err(denial) => return Ok(Injection::Deny(denial)),
        };
        if let Err(denial) = self.may_belong(&server).await? {
            return Ok(Injection::Deny(denial));
        }
        inject(&request.object, &server, self.settings).map_err(|source| InjectError::Inject {
            namespace: request.namespace.clone(),
            name: request.object_name().to_owned(),
            source,
        })
    }

    /// Whether the pod may be the server's: by what was seen lately where that lets it through, else
    /// by what is.
    async fn may_belong(&mut self, server: &Server) -> Result<Result<(), Denial>, InjectError> {
        let request = self.request;
        let (pod, namespace) = (&request.object, request.namespace.as_str());
        let judge = |(replica_set, deployment): &Chain| {
            let owners = Owners {
                replica_set: replica_set.as_ref(),
                deployment: deployment.as_ref(),
            };
            belongs(pod, &request.user_info.username, owners, server)
        };
        let name = replica_set_of(pod).filter(|_| server.workload == Workload::Managed);
        let Some(name) = name else {
            return Ok(judge(&(None, None)));
        };
        let (owned, now) = (&self.memory.owned, Instant::now());
        let lately = owned.lately(namespace, name, now);
        if lately.is_some_and(|chain| judge(&chain).is_ok()) {
            return Ok(Ok(()));
        }
        let chain = match self.chain.take() {
            Some(chain) => chain,
            None => {
                let chain = self.cluster.owners(namespace, name, &server.name).await;
                chain.map_err(|source| lookup(request, source))?
            }
        };
        let verdict = judge(&chain);
        if verdict.is_ok() {
            owned.keep(namespace, name, chain, now);
        } else {
            self.chain = Some(chain);
        }
        Ok(verdict)
    }
}

fn parse(
    request: &Request,
    server: Option<Arc<MCPServer>>,
    parsed: &Parsed,
    settings: &Arc<Settings>,
) -> Result<Arc<Server>, Denial> {
    let name = server_label(&request.object);
    let Some(server) = server else {
        return Err(server_not_found(&request.namespace, name));
    };
    parsed
        .parse(server, settings)
        .map_err(|problems| server_invalid(name, &problems))
}

fn lookup(request: &Request, source: ClusterError) -> InjectError {
    InjectError::Lookup {
        namespace: request.namespace.clone(),
        name: request.object_name().to_owned(),
        source,
    }
}

fn answered(injection: Injection) -> Answer {
    let code = injection.code().as_str();
    match injection {
        Injection::Allow(_) => Answer::allow(code),
        Injection::Patch { ops, .. } => Answer::patch(code, ops),
        Injection::Deny(denial) => Answer::deny(
            code,
            Refusal {
                status: denial.status(),
                message: denial.to_string(),
                causes: vec![Cause {
                    reason: code.into(),
                    message: format!("{}; {}", denial.message, denial.remedy),
                    field: denial.field,
                }],
            },
        ),
    }
}
