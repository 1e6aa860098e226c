//! Bytes of a policy file to rules, or as much of them as may be acted on. Pure.

use std::path::PathBuf;

use policy::{Auth, Document, DocumentError, Policy, PolicyError, PolicySection, ReadShard};

use crate::Rules;
use crate::rules::RulesError;

/// What fills members that a document leaves out, on a machine without a cluster: in one, the
/// environment of a pod must not say more than the document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// `policy.mode`
    pub mode: String,
    /// `policy.default_decision`
    pub default_decision: String,
    /// `policy.policy_version`
    pub policy_version: String,
    /// `auth.human_id_header`
    pub human_id_header: String,
    /// `auth.agent_id_header`
    pub agent_id_header: String,
    /// `auth.team_id_header`
    pub team_id_header: String,
    /// `auth.session_id_header`
    pub session_id_header: String,
}

/// What came of a file's bytes.
#[derive(Debug)]
pub(crate) enum Loaded {
    /// All of it is understood, and its shards are there: to put in force.
    Whole(Box<Rules>),
    /// It says more than this version understands, or its shards aren't those it lists: what it
    /// forbids holds, on top of the last good document, and no more. It may carry a restriction
    /// that isn't seen here.
    DenialsOnly {
        /// The last good rules with these denials.
        rules: Box<Rules>,
        /// The last good rules with the denials that later documents may no longer repeat;
        /// `None` where there are none of these.
        lasting: Option<Box<Rules>>,
        /// Why not all of it.
        error: LoadError,
    },
    /// It can't be used.
    Nothing(LoadError),
}

/// Why a policy file can't be put in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The file can't be read.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It isn't a document.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The document isn't a valid policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy can't be enforced by a proxy.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

impl LoadError {
    /// Whether what the document forbids can be told nevertheless.
    const fn leaves_denials(&self) -> bool {
        matches!(
            self,
            Self::Policy(PolicyError::UnknownMembers(_) | PolicyError::Shard { .. })
        )
    }
}

/// Reads a document and its shards; `last_good` is what a document's denials are laid upon
/// where they are all that can be taken from it.
pub(crate) fn load(
    bytes: &[u8],
    shards: &ReadShard<'_>,
    gaps: &Gaps,
    last_good: Option<&Rules>,
) -> Loaded {
    let parsed = match Document::parse(bytes) {
        Ok(parsed) => parsed,
        Err(error) => return Loaded::Nothing(error.into()),
    };
    let whole = Policy::with_shards(&parsed, shards)
        .map_err(LoadError::from)
        .and_then(|policy| whole(policy, &parsed.document, shards, gaps));
    match (whole, last_good) {
        (Ok(rules), _) => Loaded::Whole(Box::new(rules)),
        (Err(error), Some(last_good))
            if error.leaves_denials()
                && parsed.document.schema_version == last_good.policy.schema_version() =>
        {
            let policy = last_good.policy.with_denials_of(&parsed.document, shards);
            let lasting = last_good.policy.with_lately_revoked(&parsed.document);
            Loaded::DenialsOnly {
                rules: Box::new(last_good.with_policy(policy)),
                lasting: lasting.map(|policy| Box::new(last_good.with_policy(policy))),
                error,
            }
        }
        (Err(error), _) => Loaded::Nothing(error),
    }
}

fn whole(
    policy: Policy,
    document: &Document,
    shards: &ReadShard<'_>,
    gaps: &Gaps,
) -> Result<Rules, LoadError> {
    Ok(match gaps.fill(document) {
        Some(filled) => Rules::new(Policy::of(&filled, shards)?, &filled)?,
        None => Rules::new(policy, document)?,
    })
}

impl Gaps {
    /// The document with its gaps filled; `None` where there is nothing to fill them with.
    fn fill(&self, document: &Document) -> Option<Document> {
        if *self == Self::default() {
            return None;
        }
        let mut filled = document.clone();
        let section = filled.policy.get_or_insert_with(PolicySection::default);
        let auth = filled.auth.get_or_insert_with(Auth::default);
        for (member, value) in [
            (&mut section.mode, &self.mode),
            (&mut section.default_decision, &self.default_decision),
            (&mut section.policy_version, &self.policy_version),
            (&mut auth.human_id_header, &self.human_id_header),
            (&mut auth.agent_id_header, &self.agent_id_header),
            (&mut auth.team_id_header, &self.team_id_header),
            (&mut auth.session_id_header, &self.session_id_header),
        ] {
            if member.is_empty() {
                member.clone_from(value);
            }
        }
        // Stamped or not, the revision is now that of what is in force.
        filled.revision = String::new();
        Some(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(document: &str, gaps: &Gaps) -> Rules {
        match load(document.as_bytes(), &policy::no_shards, gaps, None) {
            Loaded::Whole(rules) => *rules,
            other => panic!("{document}: {other:?}"),
        }
    }

    #[test]
    fn the_environment_fills_gaps_and_the_document_wins() {
        let gaps = Gaps {
            mode: "observe".into(),
            human_id_header: "X-Env".into(),
            agent_id_header: "X-Env-Agent".into(),
            ..Gaps::default()
        };
        let document = r#"{"schema_version":"v1","server":{"name":"x","namespace":"d"},"auth":{"mode":"header","human_id_header":"X-Document"}}"#;
        let filled = rules(document, &gaps);
        assert!(filled.policy.observes());
        assert_eq!(filled.identity.human, "x-document");
        assert_eq!(filled.identity.agent, "x-env-agent");
        assert!(!rules(document, &Gaps::default()).policy.observes());
    }

    #[test]
    fn limits_are_taken_from_the_document() {
        let plain = r#"{"schema_version":"v1","server":{"name":"x","namespace":"d"}}"#;
        assert_eq!(rules(plain, &Gaps::default()).max_request_bytes, 4 << 20);
        let limited = plain.replace(
            "}}",
            r#"},"limits":{"max_request_bytes":9,"request_timeout":"2s"}}"#,
        );
        let limited = rules(&limited, &Gaps::default());
        assert_eq!(limited.max_request_bytes, 9);
        assert_eq!(
            limited.request_timeout,
            Some(std::time::Duration::from_secs(2))
        );
    }
}
