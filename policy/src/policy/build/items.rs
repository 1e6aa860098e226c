//! The document's grants and sessions, one by one.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::policy::SessionSettings;
use crate::policy::error::PolicyError;
use crate::policy::grants::{Audience, Grant, Grants, Rule, SideEffects};
use crate::policy::sessions::{Session, Sessions};
use crate::policy::values::field;
use crate::{Document, ItemId, ReadShard, SessionShard, ShardFault, document};

/// A document whose items are read; names that many of them have are kept once, so that a
/// decision among many finds them in the processor's cache.
pub(super) struct Items<'a> {
    document: &'a Document,
    names: HashSet<Arc<str>>,
}

impl<'a> Items<'a> {
    pub(super) fn of(document: &'a Document) -> Self {
        Self {
            document,
            names: HashSet::new(),
        }
    }

    pub(super) fn grants(&mut self) -> Result<Grants, PolicyError> {
        let mut seen = HashSet::new();
        let mut grants = Vec::with_capacity(self.document.grants.len());
        for (i, grant) in self.document.grants.iter().enumerate() {
            let id = self.id("grants", i, &grant.namespace, &grant.name)?;
            let path = format!("grants[{id}]");
            if !seen.insert(id.clone()) {
                return Err(PolicyError::Twice { path });
            }
            let audience = self.audience(&grant.human_id, &grant.agent_id, &grant.team_id);
            grants.push((audience, self.grant(id, &path, grant)?));
        }
        Ok(Grants::new(grants))
    }

    fn grant(
        &mut self,
        id: ItemId,
        path: &str,
        grant: &document::Grant,
    ) -> Result<Grant, PolicyError> {
        let at = |member: &str| format!("{path}.{member}");
        let mut side_effects = SideEffects::default();
        for effect in &grant.allowed_side_effects {
            match field(effect, || at("allowed_side_effects")).side_effect()? {
                Some(effect) => side_effects.insert(effect),
                None => {
                    return Err(PolicyError::Missing {
                        path: at("allowed_side_effects[]"),
                    });
                }
            }
        }
        Ok(Grant {
            max_trust: field(&grant.max_trust, || at("max_trust")).trust()?,
            rules: self.rules(path, &grant.tool_rules)?,
            policy_version: self.text(&grant.policy_version),
            disabled: grant.disabled,
            withdrawn: false,
            side_effects,
            id,
        })
    }

    fn rules(
        &mut self,
        grant: &str,
        rules: &[document::ToolRule],
    ) -> Result<BTreeMap<Arc<str>, Rule>, PolicyError> {
        let mut read = BTreeMap::new();
        for (i, rule) in rules.iter().enumerate() {
            if rule.name.is_empty() {
                return Err(PolicyError::Missing {
                    path: format!("{grant}.tool_rules[{i}].name"),
                });
            }
            let at = |member: &str| format!("{grant}.tool_rules[{}].{member}", rule.name);
            let trust = field(&rule.required_trust, || at("required_trust")).trust()?;
            let says = field(&rule.decision, || at("decision")).one_of(
                &[
                    ("", Rule::Allow(trust)),
                    ("allow", Rule::Allow(trust)),
                    ("deny", Rule::Deny),
                ],
                "allow or deny",
            )?;
            if read.insert(self.name(&rule.name), says).is_some() {
                return Err(PolicyError::Twice {
                    path: format!("{grant}.tool_rules[{}]", rule.name),
                });
            }
        }
        Ok(read)
    }

    /// Those of the document, then those of its shards, then what was revoked lately.
    pub(super) fn sessions(
        &mut self,
        settings: &SessionSettings,
        shards: &ReadShard<'_>,
    ) -> Result<Sessions, PolicyError> {
        let mut sessions = Sessions::default();
        for (i, session) in self.document.sessions.iter().enumerate() {
            self.add(i, session, settings, &mut sessions)?;
        }
        check_shards(&self.document.session_shards)?;
        for shard in &self.document.session_shards {
            self.shard(shard, settings, shards, &mut sessions)?;
        }
        for revoked in &self.document.revoked_sessions {
            sessions.revoke(self.namespace(&revoked.namespace), &revoked.name);
        }
        Ok(sessions)
    }

    fn shard(
        &mut self,
        shard: &SessionShard,
        settings: &SessionSettings,
        shards: &ReadShard<'_>,
        sessions: &mut Sessions,
    ) -> Result<(), PolicyError> {
        let refuse = |fault| PolicyError::Shard {
            name: shard.name.clone(),
            fault,
        };
        for line in shard.lines(shards).map_err(refuse)? {
            let line = line.map_err(refuse)?;
            if let Some(member) = line.unknown.first() {
                let path = format!("{}:{}.{member}", shard.name, line.number);
                return Err(PolicyError::UnknownMembers(vec![path]));
            }
            self.add(line.number, &line.session, settings, sessions)
                .map_err(|error| {
                    refuse(ShardFault::Session {
                        line: line.number,
                        error: Box::new(error),
                    })
                })?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        index: usize,
        session: &document::Session,
        settings: &SessionSettings,
        sessions: &mut Sessions,
    ) -> Result<(), PolicyError> {
        let id = self.id("sessions", index, &session.namespace, &session.name)?;
        let path = |member: &str| format!("sessions[{id}]{member}");
        let read = Session {
            audience: self.audience(&session.human_id, &session.agent_id, &session.team_id),
            consented_trust: field(&session.consented_trust, || path(".consented_trust"))
                .trust()?,
            revoked: session.revoked,
            ends_at: ends_at(session, settings, |member| path(&format!(".{member}")))?,
            upstream_token_ref: self.text(&session.upstream_token_ref),
            id: id.clone(),
        };
        match sessions.insert(read) {
            true => Ok(()),
            false => Err(PolicyError::Twice { path: path("") }),
        }
    }

    /// An empty team is the server's, where the server has one.
    fn audience(&mut self, human: &str, agent: &str, team: &str) -> Audience {
        let team = if team.is_empty() {
            &self.document.server.team_id
        } else {
            team
        };
        Audience {
            human: self.name(human),
            agent: self.name(agent),
            team: self.name(team),
        }
    }

    /// An item without a namespace is in the server's own.
    fn namespace<'b>(&self, namespace: &'b str) -> &'b str
    where
        'a: 'b,
    {
        if namespace.is_empty() {
            &self.document.server.namespace
        } else {
            namespace
        }
    }

    fn id(
        &mut self,
        section: &str,
        index: usize,
        namespace: &str,
        name: &str,
    ) -> Result<ItemId, PolicyError> {
        let namespace = self.namespace(namespace);
        field(name, || format!("{section}[{index}].name")).item_name()?;
        field(namespace, || format!("{section}[{index}].namespace")).item_name()?;
        Ok(ItemId {
            namespace: self.name(namespace),
            name: name.into(),
        })
    }

    fn text(&mut self, value: &str) -> Option<Arc<str>> {
        (!value.is_empty()).then(|| self.name(value))
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        self.names.insert(Arc::clone(&new));
        new
    }
}

/// Each by a name that is a shard's, once, with a hash as it is written.
fn check_shards(shards: &[SessionShard]) -> Result<(), PolicyError> {
    let mut seen = HashSet::new();
    for (i, shard) in shards.iter().enumerate() {
        let value = |member: &str, value: &str, expected| PolicyError::Value {
            path: format!("session_shards[{i}].{member}"),
            value: value.to_owned(),
            expected,
        };
        let Some(n) = shard.number() else {
            let expected = "sessions-0.ndjson.gz to sessions-15.ndjson.gz";
            return Err(value("name", &shard.name, expected));
        };
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if shard.sha256.len() != 64 || !shard.sha256.bytes().all(hex) {
            return Err(value("sha256", &shard.sha256, "64 lowercase hex digits"));
        }
        if !seen.insert(n) {
            let path = format!("session_shards[{}]", shard.name);
            return Err(PolicyError::Twice { path });
        }
    }
    Ok(())
}

fn ends_at(
    session: &document::Session,
    settings: &SessionSettings,
    at: impl Fn(&str) -> String,
) -> Result<Option<Timestamp>, PolicyError> {
    let expires = field(&session.expires_at, || at("expires_at")).timestamp()?;
    let Some(lifetime) = settings.max_lifetime else {
        return Ok(expires);
    };
    let created = field(&session.created_at, || at("created_at")).timestamp()?;
    let Some(created) = created else {
        return Err(PolicyError::Missing {
            path: at("created_at"),
        });
    };
    // Past the calendar's end is never.
    let lived = SignedDuration::try_from(lifetime)
        .ok()
        .and_then(|lifetime| created.checked_add(lifetime).ok());
    Ok(match (expires, lived) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    })
}
