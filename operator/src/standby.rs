//! A server whose spec can't be used any more goes on as it is, and access is still taken away:
//! the document in force loses what was revoked, disabled or deleted, and gains nothing.

use std::collections::HashMap;
use std::sync::Arc;

use crds::{MCPAccessGrant, MCPAgentSession, Problems, names};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;
use policy::{Document, Grant, Session};

use crate::apply::{ApplyError, converge};
use crate::chain::Chain;
use crate::context::Context;
use crate::delivery::Order;
use crate::fetch::Around;
use crate::progress::Progress;
use crate::publish::publish_invalid;
use crate::render::{Now, untampered, write};
use crate::report::PolicyView;

/// Keeps up the denials, then reports what is wrong with the spec.
pub(crate) async fn stand_by(
    cx: &Context,
    around: &Around,
    problems: &Problems,
    now: Now,
) -> Progress {
    match deny(cx, around, now).await {
        Ok(policy) => publish_invalid(cx, around, problems, policy.as_ref(), now).await,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "applying");
            publish_invalid(cx, around, problems, None, now).await;
            Progress::Failed
        }
    }
}

/// `None` where there is no document that could be kept.
async fn deny(cx: &Context, around: &Around, now: Now) -> Result<Option<PolicyView>, ApplyError> {
    let old = around.policy_text().and_then(untampered);
    let Some((live, old)) = around.policy.as_ref().zip(old) else {
        return Ok(None);
    };
    let new = denials(&old, &around.grants, &around.sessions);
    let is_new = new.revision != old.revision;
    if is_new {
        let wanted = with_text(&live.0, &write(&new, now).text);
        converge(cx, &cx.caches.config_maps, &wanted).await?;
    }
    let order = Order {
        revision: new.revision,
        written: is_new.then_some(now.instant),
    };
    let pods = cx.delivery.deliver(&around.key(), &around.pods, &order);
    let revision = order.revision;
    Ok(Some(PolicyView { revision, pods }))
}

/// `old` without what was taken away since. A grant is disabled rather than left out, so that the
/// document still says what it was made of.
fn denials(
    old: &Document,
    grants: &[Arc<MCPAccessGrant>],
    sessions: &[Arc<MCPAgentSession>],
) -> Document {
    let grants: HashMap<Id, bool> = grants
        .iter()
        .map(|live| (id(&live.metadata), live.spec.disabled == Some(true)))
        .collect();
    let sessions: HashMap<Id, bool> = sessions
        .iter()
        .map(|live| (id(&live.metadata), live.spec.revoked == Some(true)))
        .collect();
    let mut new = old.clone();
    for Grant {
        namespace,
        name,
        disabled,
        ..
    } in &mut new.grants
    {
        *disabled |= grants
            .get(&(namespace.as_str(), name.as_str()))
            .copied()
            .unwrap_or(true);
    }
    for Session {
        namespace,
        name,
        revoked,
        ..
    } in &mut new.sessions
    {
        *revoked |= sessions
            .get(&(namespace.as_str(), name.as_str()))
            .copied()
            .unwrap_or(true);
    }
    new.revision = new.compute_revision();
    new
}

/// Namespace and name.
type Id<'a> = (&'a str, &'a str);

fn id(meta: &ObjectMeta) -> Id<'_> {
    (
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default(),
    )
}

/// The ConfigMap as it is applied, with another document.
fn with_text(live: &ConfigMap, text: &str) -> ConfigMap {
    let mut data = live.data.clone().unwrap_or_default();
    data.insert(names::POLICY_KEY.to_owned(), text.to_owned());
    ConfigMap {
        metadata: ObjectMeta {
            name: live.metadata.name.clone(),
            namespace: live.metadata.namespace.clone(),
            labels: live.metadata.labels.clone(),
            owner_references: live.metadata.owner_references.clone(),
            ..ObjectMeta::default()
        },
        data: Some(data),
        ..ConfigMap::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "
schema_version: v1
server: { name: s, namespace: d }
grants: [{ name: kept, namespace: d }, { name: off, namespace: d }, { name: gone, namespace: d }]
sessions: [{ name: kept, namespace: d }, { name: off, namespace: d }, { name: gone, namespace: d }]
";

    fn grant(name: &str, more: &str) -> Arc<MCPAccessGrant> {
        let text = format!(
            "metadata: {{ name: {name}, namespace: d }}\nspec: {{ serverRef: {{ name: s }}, subject: {{}}{more} }}\n"
        );
        Arc::new(serde_saphyr::from_str(&text).unwrap())
    }

    fn session(name: &str, more: &str) -> Arc<MCPAgentSession> {
        let text = format!(
            "metadata: {{ name: {name}, namespace: d }}\nspec: {{ serverRef: {{ name: s }}, subject: {{}}{more} }}\n"
        );
        Arc::new(serde_saphyr::from_str(&text).unwrap())
    }

    #[test]
    fn what_was_taken_away_is_denied_and_nothing_is_added() {
        let old: Document = serde_saphyr::from_str(DOCUMENT).unwrap();
        let old = Document {
            revision: old.compute_revision(),
            ..old
        };
        let grants = [
            grant("kept", ", maxTrust: high"),
            grant("off", ", disabled: true"),
            grant("new", ""),
        ];
        let sessions = [
            session("kept", ""),
            session("off", ", revoked: true"),
            session("new", ""),
        ];
        let found = denials(&old, &grants, &sessions);
        let expected = DOCUMENT
            .replacen(
                "name: off, namespace: d }",
                "name: off, namespace: d, disabled: true }",
                1,
            )
            .replacen(
                "name: gone, namespace: d }",
                "name: gone, namespace: d, disabled: true }",
                1,
            );
        let (grants, sessions) = expected.split_once("sessions:").unwrap();
        let sessions = sessions
            .replace(
                "name: off, namespace: d }",
                "name: off, namespace: d, revoked: true }",
            )
            .replace(
                "name: gone, namespace: d }",
                "name: gone, namespace: d, revoked: true }",
            );
        let expected: Document =
            serde_saphyr::from_str(&format!("{grants}sessions:{sessions}")).unwrap();
        assert_eq!(
            found,
            Document {
                revision: expected.compute_revision(),
                ..expected
            }
        );
    }

    #[test]
    fn nothing_taken_away_is_the_same_document() {
        let old: Document = serde_saphyr::from_str("schema_version: v1\nserver: { name: s, namespace: d }\nsessions: [{ name: kept, namespace: d }]\n").unwrap();
        let old = Document {
            revision: old.compute_revision(),
            ..old
        };
        assert_eq!(denials(&old, &[], &[session("kept", "")]), old);
    }
}
