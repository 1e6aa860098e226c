//! What a newer document forbids, applied to the last one that was understood.

use std::collections::HashSet;

use super::Policy;
use crate::{Document, ItemId};

impl Policy {
    /// This policy with the denials of a document that can't be acted on as a whole, because
    /// it has members this version doesn't know: sessions revoked or gone are no longer live,
    /// grants disabled or gone allow nothing. Nothing it loosens is taken over: what a
    /// grant that went away forbids stays forbidden.
    ///
    /// Give it the last good policy each time, not the result of an earlier call: a later
    /// document may take a denial back.
    #[must_use]
    pub fn with_denials_of(&self, newer: &Document) -> Self {
        let id = |namespace: &str, name: &str| ItemId {
            namespace: if namespace.is_empty() {
                self.namespace.clone()
            } else {
                namespace.into()
            },
            name: name.into(),
        };
        let enabled: HashSet<ItemId> = newer
            .grants
            .iter()
            .filter(|grant| !grant.disabled)
            .map(|grant| id(&grant.namespace, &grant.name))
            .collect();
        let mut sessions = self.sessions.clone();
        // Sessions in shards aren't gone from the policy, they are elsewhere.
        if newer.session_shards.is_empty() {
            let there: HashSet<ItemId> = newer
                .sessions
                .iter()
                .map(|s| id(&s.namespace, &s.name))
                .collect();
            sessions.retain(|session| there.contains(session));
        }
        let revoked = newer
            .sessions
            .iter()
            .filter(|session| session.revoked)
            .map(|session| id(&session.namespace, &session.name))
            .chain(
                newer
                    .revoked_sessions
                    .iter()
                    .map(|s| id(&s.namespace, &s.name)),
            );
        for session in revoked {
            sessions.revoke(&session.namespace, &session.name);
        }
        Self {
            grants: self.grants.withdraw(|grant| !enabled.contains(grant)),
            sessions,
            ..self.clone()
        }
    }
}
