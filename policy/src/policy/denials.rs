//! What a newer document forbids, applied to the last one that was understood.

use std::collections::HashSet;
use std::sync::Arc;

use super::Policy;
use crate::{Document, ItemId, ReadShard};

impl Policy {
    /// This policy with the denials of a document that can't be acted on as a whole, because
    /// it has members this version doesn't know or its shards aren't there: sessions revoked
    /// or gone are no longer live, grants disabled or gone allow nothing. Nothing it loosens
    /// is taken over: what a grant that went away forbids stays forbidden.
    ///
    /// Whether a session of a document with shards is gone can be said only when all of them
    /// can be read; those revoked in one that can be read are revoked.
    ///
    /// Give it the last good policy each time, not the result of an earlier call: a later
    /// document may take a denial back.
    #[must_use]
    pub fn with_denials_of(&self, newer: &Document, shards: &ReadShard<'_>) -> Self {
        let enabled: HashSet<ItemId> = newer
            .grants
            .iter()
            .filter(|grant| !grant.disabled)
            .map(|grant| self.id(&grant.namespace, &grant.name))
            .collect();
        let mut listed = Listed::default();
        for session in &newer.sessions {
            listed.add(self.id(&session.namespace, &session.name), session.revoked);
        }
        for shard in &newer.session_shards {
            let Ok(lines) = shard.lines(shards) else {
                listed.incomplete = true;
                continue;
            };
            for line in lines {
                match line {
                    Ok(line) => {
                        let id = self.id(&line.session.namespace, &line.session.name);
                        listed.add(id, line.session.revoked);
                    }
                    Err(_) => listed.incomplete = true,
                }
            }
        }
        let mut sessions = self.sessions.clone();
        if !listed.incomplete {
            sessions.retain(|session| listed.there.contains(session));
        }
        for session in listed.revoked {
            sessions.revoke(&session.namespace, &session.name);
        }
        for session in &newer.revoked_sessions {
            sessions.revoke(self.or_own(&session.namespace), &session.name);
        }
        Self {
            grants: self.grants.withdraw(|grant| !enabled.contains(grant)),
            sessions,
            ..self.clone()
        }
    }

    /// This policy with the sessions revoked that a newer document lists as revoked lately;
    /// `None` where that changes nothing. The list forgets after ten minutes; a reader that
    /// can't act on whole documents for longer must not.
    #[must_use]
    pub fn with_lately_revoked(&self, newer: &Document) -> Option<Self> {
        let mut live = newer
            .revoked_sessions
            .iter()
            .map(|session| (self.or_own(&session.namespace), session.name.as_str()))
            .filter(|(namespace, name)| self.sessions.is_live(namespace, name))
            .peekable();
        live.peek()?;
        let mut sessions = self.sessions.clone();
        for (namespace, name) in live {
            sessions.revoke(namespace, name);
        }
        Some(Self {
            sessions,
            ..self.clone()
        })
    }

    fn or_own<'a>(&'a self, namespace: &'a str) -> &'a str {
        match namespace {
            "" => &self.namespace,
            namespace => namespace,
        }
    }

    fn id(&self, namespace: &str, name: &str) -> ItemId {
        ItemId {
            namespace: match namespace == &*self.namespace || namespace.is_empty() {
                true => Arc::clone(&self.namespace),
                false => namespace.into(),
            },
            name: name.into(),
        }
    }
}

/// The sessions that a document and its shards list.
#[derive(Default)]
struct Listed {
    there: HashSet<ItemId>,
    revoked: Vec<ItemId>,
    /// There may be more.
    incomplete: bool,
}

impl Listed {
    fn add(&mut self, session: ItemId, revoked: bool) {
        if revoked {
            self.revoked.push(session.clone());
        }
        self.there.insert(session);
    }
}
