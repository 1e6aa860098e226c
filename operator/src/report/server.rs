//! The status of a server.

use std::sync::Arc;

use crds::server::ToolCounts;
use crds::words::{RolloutStrategy, Workload};
use crds::{ConditionType, Conditions, MCPServerStatus, Problems, Server, Settings, Truth};
use jiff::Timestamp;
use policy::SideEffect;

use super::policy_part::{Enforcement, PolicyView};
use super::{Failure, Verdict, failure, parts};
use crate::apply::{Applied, ApplyError, Part};
use crate::build::selector_text;
use crate::caches::Owned;
use crate::drift::Drift;
use crate::pods::{PodView, Theirs};

/// The phases, as the Go project has them.
const ERROR: &str = "Error";
const PENDING: &str = "Pending";
const PARTIALLY_READY: &str = "PartiallyReady";
pub(super) const READY: &str = "Ready";
/// The Go project's message of a server that is well.
const ALL_WELL: &str = "All resources reconciled";

/// Everything that was observed of a valid server.
#[derive(Debug)]
pub(crate) struct Observed<'a> {
    pub(crate) server: &'a Server,
    pub(crate) settings: &'a Settings,
    /// Whether the policy could be written; `None` with the gateway off.
    pub(crate) policy_written: Option<Result<(), &'a ApplyError>>,
    pub(crate) policy: &'a PolicyView,
    pub(crate) applied: &'a Applied,
    /// Ready ones.
    pub(crate) pods: &'a [Arc<PodView>],
    /// Those that no Deployment of ours made, ready or not.
    pub(crate) theirs: Theirs,
    /// How the proxies of all governed pods stand.
    pub(crate) drift: &'a Drift,
}

/// The conditions on the way, and whether someone has to act.
struct Draft {
    conditions: Conditions,
    stuck: Option<Verdict>,
}

/// The status of a server whose spec can't be used. The parts' conditions stay as they are, but
/// for the policy, from which things are still taken away.
pub(crate) fn invalid(
    previous: &MCPServerStatus,
    generation: Option<i64>,
    problems: &Problems,
    policy: Option<&PolicyView>,
    now: Timestamp,
) -> MCPServerStatus {
    let stuck = Verdict::no("InvalidSpec", problems.to_string());
    let mut conditions = Conditions::new(&previous.conditions, generation, now);
    summarise(&mut conditions, &Summary::Stuck(&stuck));
    let mut previous = previous.clone();
    if let Some(policy) = policy {
        if let Enforcement::Known(verdict) = policy.enforcement() {
            previous.policy_ready = Some(verdict.truth == Truth::True);
            verdict.set(&mut conditions, ConditionType::PolicyReady);
        }
        let agreed = policy.agreed().map(str::to_owned);
        previous.enforced_policy_revision = agreed.or(previous.enforced_policy_revision);
        previous.policy_revision = Some(policy.revision.clone());
    }
    MCPServerStatus {
        observed_generation: generation,
        phase: Some(ERROR.into()),
        message: Some(stuck.message),
        conditions: conditions.into_vec(),
        ..previous
    }
}

/// The status of a server that was seen for the first time: its objects take a moment.
pub(crate) fn accepted(generation: Option<i64>, now: Timestamp) -> MCPServerStatus {
    let mut conditions = Conditions::new(&[], generation, now);
    let (reason, message) = ("Accepted", "its objects are being made");
    summarise(&mut conditions, &Summary::Waiting { reason, message });
    MCPServerStatus {
        observed_generation: generation,
        phase: Some(PENDING.into()),
        message: Some(message.into()),
        conditions: conditions.into_vec(),
        ..MCPServerStatus::default()
    }
}

/// The status of a valid server.
pub(crate) fn observed(
    seen: &Observed<'_>,
    previous: &MCPServerStatus,
    now: Timestamp,
) -> MCPServerStatus {
    let generation = Some(seen.server.generation);
    let mut draft = Draft {
        conditions: Conditions::new(&previous.conditions, generation, now),
        stuck: None,
    };
    draft.parts(seen, previous);
    let external = seen.server.workload == Workload::External;
    // Service and Ingress are there at once; without pods they are no part of being ready.
    let serves = !external || !seen.pods.is_empty();
    let (phase, message) = draft.sum_up(serves);
    let message = std::iter::once(message).chain(unsupported(seen.server, false));
    let ready = |kind| {
        draft
            .conditions
            .get(kind)
            .map(|c| c.status == Truth::True.as_str())
    };
    let replicas = match live(&seen.applied.deployment) {
        _ if external => Some(i64::try_from(seen.theirs.total).unwrap_or(i64::MAX)),
        Some(live) => {
            let status = live.0.status.as_ref();
            let replicas = status.and_then(|status| status.replicas);
            Some(replicas.unwrap_or_default().into())
        }
        None => None,
    };
    MCPServerStatus {
        observed_generation: generation,
        phase: Some(phase.into()),
        message: Some(message.collect::<Vec<_>>().join("; ")),
        deployment_ready: ready(ConditionType::DeploymentReady),
        service_ready: ready(ConditionType::ServiceReady),
        ingress_ready: ready(ConditionType::IngressReady),
        gateway_ready: Some(ready(ConditionType::GatewayReady).unwrap_or_default()),
        policy_ready: Some(ready(ConditionType::PolicyReady).unwrap_or_default()),
        canary_ready: ready(ConditionType::CanaryReady),
        url: match live(&seen.applied.ingress) {
            Some(ingress) => parts::url(seen.server, &ingress.0),
            // What others answer there isn't this server.
            None if route_taken(&seen.applied.ingress) => None,
            None => previous.url.clone(),
        },
        enforced_policy_revision: enforced(seen, previous),
        policy_revision: match seen.policy_written {
            Some(Err(_)) => previous.policy_revision.clone(),
            Some(Ok(())) => Some(seen.policy.revision.clone()),
            None => None,
        },
        proxies: seen.policy_written.map(|_| seen.drift.counts()),
        tools: Some(count(seen.server)),
        replicas,
        selector: Some(selector_text(seen.server)),
        conditions: draft.conditions.into_vec(),
    }
}

/// What the spec asks for that nothing acts on yet: what denies every call, or the rest.
fn unsupported(server: &Server, denies: bool) -> Vec<String> {
    let those = server.unsupported.iter().filter(|one| one.denies == denies);
    those.map(ToString::to_string).collect()
}

fn route_taken<K>(part: &Part<K>) -> bool {
    matches!(part, Some(Err(ApplyError::RouteTaken(_))))
}

fn live<K>(part: &Part<K>) -> Option<&Arc<Owned<K>>> {
    part.as_ref().and_then(|part| part.as_ref().ok())
}

/// What all ready proxies answered; while they differ, the last on which they agreed.
fn enforced(seen: &Observed<'_>, previous: &MCPServerStatus) -> Option<String> {
    if seen.policy_written.is_none() || seen.policy.pods.is_empty() {
        return None;
    }
    let agreed = seen.policy.agreed().map(str::to_owned);
    agreed.or_else(|| previous.enforced_policy_revision.clone())
}

fn count(server: &Server) -> ToolCounts {
    let with = |effect| {
        let tools = server
            .tools
            .iter()
            .filter(|tool| tool.side_effect == effect);
        i64::try_from(tools.count()).unwrap_or(i64::MAX)
    };
    ToolCounts {
        total: i64::try_from(server.tools.len()).unwrap_or(i64::MAX),
        read: with(SideEffect::Read),
        write: with(SideEffect::Write),
        destructive: with(SideEffect::Destructive),
    }
}

impl Draft {
    fn parts(&mut self, seen: &Observed<'_>, previous: &MCPServerStatus) {
        let Applied {
            network_policy,
            deployment,
            canary,
            service,
            ingress,
            remains: _,
        } = seen.applied;
        let kind = ConditionType::DeploymentReady;
        match seen.server.workload {
            Workload::Managed => self.part(kind, deployment, parts::deployment),
            Workload::External => {
                let kept = live(deployment).is_some();
                parts::external(seen.theirs, kept).set(&mut self.conditions, kind);
            }
        }
        self.part(ConditionType::ServiceReady, service, parts::service);
        self.part(ConditionType::IngressReady, ingress, |live| {
            parts::ingress(live, seen.settings.ingress_readiness)
        });
        match seen.policy_written {
            Some(written) => {
                let wanted = match seen.server.workload {
                    Workload::Managed => usize::try_from(seen.server.replicas).unwrap_or_default(),
                    Workload::External => {
                        let ours = seen.pods.iter().filter(|pod| pod.ours).count();
                        (ours + seen.theirs.total).max(1)
                    }
                };
                let gateway = parts::gateway(wanted, seen.pods, seen.drift);
                gateway.set(&mut self.conditions, ConditionType::GatewayReady);
                self.policy(seen, previous, written);
            }
            None => {
                self.conditions.remove(ConditionType::GatewayReady);
                self.conditions.remove(ConditionType::PolicyReady);
            }
        }
        if let Some(Err(error)) = network_policy {
            // It has no condition of its own: it is about the way to the pods.
            let governed = seen.server.gateway.is_some();
            let kind = if governed {
                ConditionType::GatewayReady
            } else {
                ConditionType::ServiceReady
            };
            self.failed(kind, error);
        }
        if seen.server.rollout.strategy == RolloutStrategy::Canary {
            self.part(ConditionType::CanaryReady, canary, parts::deployment);
        } else {
            self.conditions.remove(ConditionType::CanaryReady);
        }
    }

    fn part<K>(&mut self, kind: ConditionType, part: &Part<K>, say: impl Fn(&K) -> Verdict) {
        match part {
            None => self.conditions.remove(kind),
            Some(Ok(live)) => say(&live.0).set(&mut self.conditions, kind),
            Some(Err(error)) => self.failed(kind, error),
        }
    }

    fn policy(
        &mut self,
        seen: &Observed<'_>,
        previous: &MCPServerStatus,
        written: Result<(), &ApplyError>,
    ) {
        let kind = ConditionType::PolicyReady;
        if let Err(error) = written {
            return self.failed(kind, error);
        }
        let denied = unsupported(seen.server, true);
        if !denied.is_empty() {
            let verdict = Verdict::no("Unsupported", denied.join("; "));
            verdict.set(&mut self.conditions, kind);
            self.stuck.get_or_insert(verdict);
            return;
        }
        let same = previous.policy_revision.as_deref() == Some(&*seen.policy.revision);
        match seen.policy.enforcement() {
            Enforcement::Known(verdict) => verdict.set(&mut self.conditions, kind),
            Enforcement::Unknown if same && self.conditions.get(kind).is_some() => (),
            Enforcement::Unknown => {
                let verdict = Verdict::no("ProxyBehind", "the proxies are being asked");
                verdict.set(&mut self.conditions, kind);
            }
        }
    }

    fn failed(&mut self, kind: ConditionType, error: &ApplyError) {
        match failure(error) {
            Failure::Passing => (),
            Failure::Waiting(verdict) => verdict.set(&mut self.conditions, kind),
            Failure::Stuck(verdict) => {
                verdict.set(&mut self.conditions, kind);
                self.stuck.get_or_insert(verdict);
            }
        }
    }

    /// Sets Ready, Reconciling and Stalled; answers phase and message. `serves`: some pod may.
    fn sum_up(&mut self, serves: bool) -> (&'static str, String) {
        if let Some(stuck) = self.stuck.take() {
            summarise(&mut self.conditions, &Summary::Stuck(&stuck));
            return (ERROR, stuck.message);
        }
        let present: Vec<_> = PARTS
            .iter()
            .filter_map(|kind| self.conditions.get(*kind))
            .collect();
        let holds = |status: &str| status == Truth::True.as_str();
        let some = serves && present.iter().any(|condition| holds(&condition.status));
        let missing = present.iter().find(|condition| !holds(&condition.status));
        let missing = missing.map(|c| (c.type_.clone(), c.reason.clone(), c.message.clone()));
        match missing {
            None => {
                summarise(&mut self.conditions, &Summary::Well);
                (READY, ALL_WELL.into())
            }
            Some((part, reason, message)) => {
                let message = format!("{part}: {message}");
                summarise(
                    &mut self.conditions,
                    &Summary::Waiting {
                        reason: &reason,
                        message: &message,
                    },
                );
                (if some { PARTIALLY_READY } else { PENDING }, message)
            }
        }
    }
}

/// In the order in which they are waited for.
const PARTS: [ConditionType; 6] = [
    ConditionType::DeploymentReady,
    ConditionType::ServiceReady,
    ConditionType::IngressReady,
    ConditionType::GatewayReady,
    ConditionType::PolicyReady,
    ConditionType::CanaryReady,
];

/// The whole in one word; exactly one of Ready, Reconciling and Stalled is true.
enum Summary<'a> {
    Well,
    Waiting { reason: &'a str, message: &'a str },
    Stuck(&'a Verdict),
}

fn summarise(conditions: &mut Conditions, summary: &Summary<'_>) {
    use ConditionType::{Ready, Reconciling, Stalled};
    let mut set = |kind, truth: bool, reason: &str, message: &str| {
        conditions.set(kind, truth.into(), reason, message);
    };
    match summary {
        Summary::Well => {
            set(Ready, true, "AllReady", ALL_WELL);
            set(Reconciling, false, "AllReady", ALL_WELL);
            set(Stalled, false, "AllReady", "");
        }
        Summary::Waiting { reason, message } => {
            set(Ready, false, reason, message);
            set(Reconciling, true, reason, message);
            set(Stalled, false, "Reconciling", "");
        }
        Summary::Stuck(verdict) => {
            set(Ready, false, verdict.reason, &verdict.message);
            set(Reconciling, false, verdict.reason, "");
            set(Stalled, true, verdict.reason, &verdict.message);
        }
    }
}
