//! What was observed becomes the status: pure functions, and one patch where anything changed.

mod items;
mod parts;
mod policy_part;
mod server;

use crds::{ConditionType, Conditions, MCPServerStatus, Truth};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::apply::ApplyError;
use crate::writes::WriteError;

pub(crate) use items::{Item, Proxies, item_status, next_expiry, orphan_state, standing};
pub(crate) use policy_part::PolicyView;
pub(crate) use server::{Observed, accepted, invalid, observed};

/// One condition's say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) truth: Truth,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Verdict {
    pub(crate) fn yes(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            truth: Truth::True,
            reason,
            message: message.into(),
        }
    }

    pub(crate) fn no(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            truth: Truth::False,
            reason,
            message: message.into(),
        }
    }

    fn set(&self, conditions: &mut Conditions, kind: ConditionType) {
        conditions.set(kind, self.truth, self.reason, self.message.clone());
    }
}

/// What a failure means for the part it happened to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Failure {
    /// It is tried again; the condition stays as it is.
    Passing,
    /// It will pass without anyone's doing.
    Waiting(Verdict),
    /// Someone has to do something.
    Stuck(Verdict),
}

fn failure(error: &ApplyError) -> Failure {
    match error {
        ApplyError::NameTaken(_) => Failure::Stuck(Verdict::no(
            "NameTaken",
            format!("{error}; delete or rename it, or give the server another name"),
        )),
        ApplyError::Predecessor(_) => {
            Failure::Waiting(Verdict::no("PredecessorEnding", error.to_string()))
        }
        ApplyError::RouteTaken(told) => Failure::Stuck(Verdict::no(
            "RouteConflict",
            format!("{told}; write another publicPathPrefix or ingressHost"),
        )),
        ApplyError::Write(write) if write.namespace_ends() => {
            Failure::Waiting(Verdict::no("NamespaceTerminating", write.words()))
        }
        ApplyError::Write(write) => write_failure(write),
        ApplyError::Read { .. } | ApplyError::Compare { .. } => Failure::Passing,
    }
}

/// 409 is a race and 429 a queue; the other refusals stay until someone acts.
fn write_failure(error: &WriteError) -> Failure {
    match error.code() {
        Some(code @ 400..500) if !matches!(code, 408 | 409 | 429) => Failure::Stuck(Verdict::no(
            "Refused",
            format!("{error}: {}", error.words()),
        )),
        _ => Failure::Passing,
    }
}

/// The merge patch from one status to another; `None` where they are equal.
pub(crate) fn difference<S: Serialize>(old: &S, new: &S) -> Option<Value> {
    let members = |status: &S| match serde_json::to_value(status) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let (old, new) = (members(old), members(new));
    let gone = old
        .keys()
        .filter(|key| !new.contains_key(*key))
        .map(|key| (key.clone(), Value::Null));
    let changed = new
        .iter()
        .filter(|(key, value)| old.get(*key) != Some(value));
    let patch: Map<String, Value> = gone
        .chain(changed.map(|(key, value)| (key.clone(), value.clone())))
        .collect();
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Whether a status says that there is nothing to wait for.
pub(crate) fn is_ready(status: &MCPServerStatus) -> bool {
    status.phase.as_deref() == Some(server::READY)
}

#[cfg(test)]
mod tests;
