//! The status of grants and sessions.

use std::sync::Arc;
use std::time::Duration;

use crds::grant::MCPAccessGrantStatus;
use crds::session::MCPAgentSessionStatus;
use crds::{
    ConditionType, Conditions, ItemReason, ItemState, MCPAccessGrant, MCPAgentSession, Truth,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::Value;

use super::{PolicyView, Verdict, difference};
use crate::key::ServerKey;

/// A grant or session with its state.
pub(crate) enum Item {
    Grant(Arc<MCPAccessGrant>),
    Session(Arc<MCPAgentSession>),
}

/// Whether the proxies have what was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxies {
    /// Every ready one.
    All,
    /// There are none to have it.
    None,
    /// Not all of them yet.
    Behind,
    /// The server has no gateway: nothing is enforced.
    NoGateway,
    /// There is no such server, or it doesn't trust the namespace.
    NoServer,
}

/// How the proxies stand to a compiled document with revision `compiled`; `policy` is `None` with
/// the gateway off.
///
/// PolicyReady may be false although every proxy has the document, where the document asks for
/// what none of them does.
pub(crate) fn standing(policy: Option<&PolicyView>, compiled: &str) -> Proxies {
    match policy {
        None => Proxies::NoGateway,
        Some(policy) if policy.revision != compiled => Proxies::Behind,
        Some(policy) if policy.pods.is_empty() => Proxies::None,
        Some(policy) if policy.agreed() == Some(compiled) => Proxies::All,
        Some(_) => Proxies::Behind,
    }
}

/// The patch of one item's status; `None` where it says this already.
pub(crate) fn item_status(
    item: &Item,
    state: &ItemState,
    proxies: Proxies,
    now: Timestamp,
) -> Option<Value> {
    let state = at(state, now);
    match item {
        Item::Grant(grant) => {
            let old = grant.status.clone().unwrap_or_default();
            let new = MCPAccessGrantStatus {
                observed_generation: grant.metadata.generation,
                phase: Some(state.reason.as_str().into()),
                message: Some(state.message.clone()),
                conditions: conditions(&old.conditions, &state, proxies, now),
                matched_tools: Some(state.matched_tools),
            };
            difference(&old, &new)
        }
        Item::Session(session) => {
            let old = session.status.clone().unwrap_or_default();
            let new = MCPAgentSessionStatus {
                observed_generation: session.metadata.generation,
                phase: Some(state.reason.as_str().into()),
                message: Some(state.message.clone()),
                conditions: conditions(&old.conditions, &state, proxies, now),
            };
            difference(&old, &new)
        }
    }
}

/// The state at `now`: a document is compiled without a clock, and sessions end by themselves.
fn at(state: &ItemState, now: Timestamp) -> ItemState {
    let reason = state.reason_at(now);
    match state.expires_at {
        Some(end) if reason != state.reason => ItemState {
            reason,
            message: format!("the session ended at {end}"),
            ..state.clone()
        },
        _ => state.clone(),
    }
}

/// When the next of the sessions ends.
pub(crate) fn next_expiry(states: &[ItemState], now: Timestamp) -> Option<Duration> {
    let changes = |state: &ItemState, end| state.reason_at(end) != state.reason;
    let ends = states
        .iter()
        .filter_map(|state| state.expires_at.filter(|end| changes(state, *end)));
    let next = ends.filter(|end| *end > now).min()?;
    // A little later, so that the clock has passed it.
    let left = Duration::try_from(next.duration_since(now)).ok()?;
    Some(left + Duration::from_millis(10))
}

/// The state of what names a server that isn't there. From another namespace it isn't told
/// whether the server exists.
pub(crate) fn orphan_state(
    (namespace, name): (&str, &str),
    generation: Option<i64>,
    server: &ServerKey,
) -> ItemState {
    let (reason, message) = if namespace == server.namespace {
        (
            ItemReason::ServerNotFound,
            format!("there is no MCPServer {}", server.name),
        )
    } else {
        (ItemReason::NamespaceNotTrusted, NOT_TRUSTED.to_owned())
    };
    ItemState {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        generation: generation.unwrap_or_default(),
        reason,
        message,
        included: false,
        expires_at: None,
        matched_tools: 0,
    }
}

/// What compiling says where the server exists.
const NOT_TRUSTED: &str =
    "no server there trusts this namespace; create the object in the server's own namespace";

fn conditions(
    old: &[Condition],
    state: &ItemState,
    proxies: Proxies,
    now: Timestamp,
) -> Vec<Condition> {
    let mut conditions = Conditions::new(old, Some(state.generation), now);
    let ready = match state.reason {
        ItemReason::Active
        | ItemReason::Disabled
        | ItemReason::Revoked
        | ItemReason::Expired
        | ItemReason::UnknownTool => Truth::True,
        ItemReason::ServerNotFound
        | ItemReason::NamespaceNotTrusted
        | ItemReason::TokenNotMounted
        | ItemReason::Invalid => Truth::False,
    };
    conditions.set(
        ConditionType::Ready,
        ready,
        state.reason.as_str(),
        state.message.clone(),
    );
    // Each later document has this generation too: once enforced, it stays so while there is a
    // gateway.
    let settled = proxies != Proxies::NoGateway && was_enforced(old, state.generation);
    match enforced(proxies) {
        None => conditions.remove(ConditionType::Enforced),
        Some(_) if settled => (),
        Some(verdict) => verdict.set(&mut conditions, ConditionType::Enforced),
    }
    conditions.into_vec()
}

fn was_enforced(old: &[Condition], generation: i64) -> bool {
    old.iter().any(|condition| {
        condition.type_ == ConditionType::Enforced.as_str()
            && condition.status == Truth::True.as_str()
            && condition.observed_generation == Some(generation)
    })
}

/// Numbers of pods are left to the server's status: with them, each pod's answer would be a write
/// to every one of its sessions.
fn enforced(proxies: Proxies) -> Option<Verdict> {
    match proxies {
        Proxies::All => Some(Verdict::yes("Enforced", "every ready proxy has it")),
        Proxies::None => Some(Verdict::yes("NoProxies", "no pod is ready")),
        Proxies::Behind => Some(Verdict::no(
            "ProxyBehind",
            "not every proxy has it yet; the server's status says which",
        )),
        Proxies::NoGateway => Some(Verdict::no(
            "NoGateway",
            "the server's gateway is off: nothing is enforced",
        )),
        Proxies::NoServer => None,
    }
}

#[cfg(test)]
mod tests;
