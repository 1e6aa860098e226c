//! Writes what [`report`](crate::report) says, where it says something new.

use crds::{Compiled, ItemState, MCPServerStatus, Problems};

use crate::apply::{ApplyError, Part, retire_account};
use crate::caches::SeenServer;
use crate::chain::Chain;
use crate::clerk::Paper;
use crate::context::Context;
use crate::events::{next_warning, notable};
use crate::fetch::Around;
use crate::key::ServerKey;
use crate::progress::Progress;
use crate::render::{Now, Rendered};
use crate::report::{
    Item, Observed, PolicyView, Proxies, accepted, difference, invalid, is_ready, item_status,
    next_expiry, observed, orphan_state, standing,
};

/// Reports on a valid server, its grants and its sessions.
pub(crate) async fn publish(
    cx: &Context,
    around: &Around,
    seen: &Observed<'_>,
    compiled: &Compiled,
    rendered: Option<&Rendered>,
    now: Now,
) -> Progress {
    let previous = around.server.object.status.clone().unwrap_or_default();
    let status = observed(seen, &previous, now.wall);
    let reported = write(cx, &around.server, &previous, &status).await;
    tell(cx, around, &previous, &status, now).await;
    let policy = seen.policy_written.is_some().then_some(seen.policy);
    let proxies = standing(policy, &compiled.document.revision);
    file_items(cx, around, compiled, proxies, now);
    if !reported || failed(seen) {
        return Progress::Failed;
    }
    let gather = rendered.and_then(|rendered| rendered.gather);
    let expiry = next_expiry(&compiled.sessions, now.wall);
    let again = [gather, expiry, next_warning(&status, now.wall)]
        .into_iter()
        .flatten()
        .min();
    if is_ready(&status) {
        Progress::Done(again)
    } else {
        Progress::Waiting(again)
    }
}

/// Reports that a new server was seen, before anything is made for it.
pub(crate) async fn publish_accepted(cx: &Context, around: &Around, now: Now) {
    let object = &around.server.object;
    if object.status.is_none() {
        let status = accepted(object.metadata.generation, now.wall);
        write(cx, &around.server, &MCPServerStatus::default(), &status).await;
    }
}

/// Reports that a spec can't be used. What runs goes on running.
pub(crate) async fn publish_invalid(
    cx: &Context,
    around: &Around,
    problems: &Problems,
    policy: Option<&PolicyView>,
    now: Now,
) -> Progress {
    let object = &around.server.object;
    let previous = object.status.clone().unwrap_or_default();
    let generation = object.metadata.generation;
    let status = invalid(&previous, generation, problems, policy, now.wall);
    let reported = write(cx, &around.server, &previous, &status).await;
    tell(cx, around, &previous, &status, now).await;
    if reported {
        Progress::Invalid
    } else {
        Progress::Failed
    }
}

/// There is no such server: its grants and sessions are told so, the rest is forgotten.
pub(crate) async fn publish_orphans(cx: &Context, key: &ServerKey, now: Now) -> Progress {
    cx.forget(key);
    for grant in cx.caches.grants.of(key) {
        let id = identity(&grant.metadata);
        let state = orphan_state(id, grant.metadata.generation, key);
        file(
            cx,
            key,
            Item::Grant(grant.clone()),
            &state,
            Proxies::NoServer,
            now,
        );
    }
    for session in cx.caches.sessions.of(key) {
        let id = identity(&session.metadata);
        let state = orphan_state(id, session.metadata.generation, key);
        file(
            cx,
            key,
            Item::Session(session.clone()),
            &state,
            Proxies::NoServer,
            now,
        );
    }
    match retire_account(cx, &key.namespace).await {
        Ok(()) => Progress::Done(None),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "pruning");
            Progress::Failed
        }
    }
}

fn identity(meta: &kube::api::ObjectMeta) -> (&str, &str) {
    (
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default(),
    )
}

/// True when the status is as it should be.
async fn write(
    cx: &Context,
    seen: &SeenServer,
    previous: &MCPServerStatus,
    status: &MCPServerStatus,
) -> bool {
    let Some(patch) = difference(previous, status) else {
        return true;
    };
    match cx.writes.status(&seen.object, &patch).await {
        Ok(written) => {
            let unreadable = seen.unreadable.clone();
            let written = SeenServer::new(written, unreadable);
            cx.caches.servers.learn(written);
            true
        }
        // It was deleted meanwhile.
        Err(error) if error.code() == Some(404) => true,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "reporting");
            false
        }
    }
}

fn file_items(cx: &Context, around: &Around, compiled: &Compiled, proxies: Proxies, now: Now) {
    let key = around.key();
    for state in &compiled.grants {
        if let Some(grant) = cx.caches.grants.get(&state.namespace, &state.name) {
            file(cx, &key, Item::Grant(grant), state, proxies, now);
        }
    }
    for state in &compiled.sessions {
        if let Some(session) = cx.caches.sessions.get(&state.namespace, &state.name) {
            file(cx, &key, Item::Session(session), state, proxies, now);
        }
    }
}

fn file(cx: &Context, key: &ServerKey, item: Item, state: &ItemState, proxies: Proxies, now: Now) {
    let Some(patch) = item_status(&item, state, proxies, now.wall) else {
        return;
    };
    cx.clerk.file(
        key,
        match item {
            Item::Grant(grant) => Paper::Grant(grant, patch),
            Item::Session(session) => Paper::Session(session, patch),
        },
    );
}

/// Leaves an event where something changed that deserves a person's attention.
async fn tell(
    cx: &Context,
    around: &Around,
    previous: &MCPServerStatus,
    status: &MCPServerStatus,
    now: Now,
) {
    let last = cx.memory.looked(&around.key(), now.wall);
    for event in notable(previous, status, last, now.wall) {
        if let Err(error) = cx.writes.event(&around.server.object, &event).await {
            tracing::warn!(error = %Chain(&error), "events");
        }
    }
}

/// Something has to be tried again. Not so what comes to its end: a watch tells of it.
fn failed(seen: &Observed<'_>) -> bool {
    fn part<K>(part: &Part<K>) -> bool {
        matches!(part, Some(Err(error)) if tried_again(error))
    }
    let applied = seen.applied;
    part(&applied.network_policy)
        || part(&applied.deployment)
        || part(&applied.canary)
        || part(&applied.service)
        || part(&applied.ingress)
        || !applied.remains.is_empty()
        || matches!(seen.policy_written, Some(Err(error)) if tried_again(error))
}

fn tried_again(error: &ApplyError) -> bool {
    let passes = match error {
        ApplyError::Predecessor(_) => true,
        ApplyError::Write(write) => write.namespace_ends(),
        _ => false,
    };
    if !passes {
        tracing::warn!(error = %Chain(error), "applying");
    }
    !passes
}
