//! The sessions, found by namespace and name.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::grants::Audience;
use crate::{ItemId, Trust};

/// One session, with its words read.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: ItemId,
    pub(crate) audience: Audience,
    pub(crate) consented_trust: Trust,
    pub(crate) revoked: bool,
    /// The earlier of its own end and, where limits are enforced, its longest life's.
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) upstream_token_ref: Option<Arc<str>>,
}

/// Namespace, then name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    namespaces: HashMap<Arc<str>, HashMap<Arc<str>, Arc<Session>>>,
}

impl Sessions {
    /// Adds a session; whether there was none of this identity before.
    pub(super) fn insert(&mut self, session: Session) -> bool {
        let ItemId { namespace, name } = session.id.clone();
        self.namespaces
            .entry(namespace)
            .or_default()
            .insert(name, Arc::new(session))
            .is_none()
    }

    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<&Session> {
        self.namespaces.get(namespace)?.get(name).map(Arc::as_ref)
    }

    pub(crate) fn len(&self) -> usize {
        self.namespaces.values().map(HashMap::len).sum()
    }

    /// Revokes one, if it is there.
    pub(super) fn revoke(&mut self, namespace: &str, name: &str) {
        let found = self
            .namespaces
            .get_mut(namespace)
            .and_then(|names| names.get_mut(name));
        if let Some(session) = found {
            Arc::make_mut(session).revoked = true;
        }
    }

    /// Whether one is there that isn't revoked.
    pub(super) fn is_live(&self, namespace: &str, name: &str) -> bool {
        self.get(namespace, name)
            .is_some_and(|session| !session.revoked)
    }

    /// Drops those that `keep` doesn't name.
    pub(super) fn retain(&mut self, keep: impl Fn(&ItemId) -> bool) {
        for names in self.namespaces.values_mut() {
            names.retain(|_, session| keep(&session.id));
        }
    }
}
