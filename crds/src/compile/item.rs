//! One grant or session: whether it counts, and how it is written.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{
    Grant, MCPAccessGrant, MCPAgentSession, Server, Session, grant::ServerRef, names, parse_grant,
    parse_session, parsed::SubjectIds, words::PolicyDecision,
};

/// What became of one grant or session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemState {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Generation that was compiled.
    pub generation: i64,
    /// Why it is in the document, or isn't.
    pub reason: ItemReason,
    /// One sentence for people.
    pub message: String,
    /// It is in the document.
    pub included: bool,
    /// When a session ends; [`ItemState::reason_at`] minds it.
    pub expires_at: Option<Timestamp>,
    /// How many declared tools a grant allows.
    pub matched_tools: i64,
}

/// Why a grant or session is in force, or isn't. The spelling is the condition's reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemReason {
    /// In force.
    Active,
    /// A grant with `disabled: true`.
    Disabled,
    /// A session with `revoked: true`.
    Revoked,
    /// A session past its end.
    Expired,
    /// Its server isn't there.
    ServerNotFound,
    /// In force, with a rule for a tool that the server doesn't declare.
    UnknownTool,
    /// From a namespace that the server doesn't trust.
    NamespaceNotTrusted,
    /// A session whose token can't be mounted; its calls are denied.
    TokenNotMounted,
    /// It can't be read.
    Invalid,
}

impl ItemReason {
    /// The spelling in conditions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Disabled => "Disabled",
            Self::Revoked => "Revoked",
            Self::Expired => "Expired",
            Self::ServerNotFound => "ServerNotFound",
            Self::UnknownTool => "UnknownTool",
            Self::NamespaceNotTrusted => "NamespaceNotTrusted",
            Self::TokenNotMounted => "TokenNotMounted",
            Self::Invalid => "Invalid",
        }
    }
}

impl ItemState {
    /// The reason as of `now`: a session past its end is `Expired`, unless it was revoked before.
    pub fn reason_at(&self, now: Timestamp) -> ItemReason {
        let ended = self.expires_at.is_some_and(|end| end <= now);
        match self.reason {
            ItemReason::Active | ItemReason::TokenNotMounted if ended => ItemReason::Expired,
            reason => reason,
        }
    }

    pub(super) fn id(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }

    fn new(metadata: &ObjectMeta, reason: ItemReason, message: impl Into<String>) -> Self {
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            reason,
            message: message.into(),
            included: false,
            expires_at: None,
            matched_tools: 0,
        }
    }
}

/// A grant's state and what is written of it. `None` where it names another server.
pub(super) fn grant(
    server: &Server,
    object: &MCPAccessGrant,
) -> Option<(ItemState, Option<policy::Grant>)> {
    if !refers_to(&object.metadata, &object.spec.server_ref, server) {
        return None;
    }
    if let Some(foreign) = foreign(&object.metadata, server) {
        return Some((foreign, None));
    }
    Some(match parse_grant(object) {
        Ok(grant) => {
            let (reason, message) = grant_reason(&grant, server);
            let state = ItemState {
                included: true,
                matched_tools: matched_tools(&grant, server),
                ..ItemState::new(&object.metadata, reason, message)
            };
            (state, Some(written_grant(&grant, server)))
        }
        Err(problems) => {
            let denials = denials_of(object, server);
            let mut message = problems.to_string();
            if denials.is_some() {
                message.push_str("; of this grant only what it denies is in force");
            }
            let state = ItemState {
                included: denials.is_some(),
                ..ItemState::new(&object.metadata, ItemReason::Invalid, message)
            };
            (state, denials)
        }
    })
}

/// A session's state and what is written of it. `None` where it names another server.
pub(super) fn session(
    server: &Server,
    object: &MCPAgentSession,
) -> Option<(ItemState, Option<policy::Session>)> {
    if !refers_to(&object.metadata, &object.spec.server_ref, server) {
        return None;
    }
    if let Some(foreign) = foreign(&object.metadata, server) {
        return Some((foreign, None));
    }
    Some(match parse_session(object) {
        Ok(session) => {
            let (reason, message) = session_reason(&session, server);
            let state = ItemState {
                included: true,
                expires_at: session.expires_at,
                ..ItemState::new(&object.metadata, reason, message)
            };
            (state, Some(written_session(&session, server)))
        }
        // A session that isn't in the document is denied where it is presented.
        Err(problems) => (
            ItemState::new(&object.metadata, ItemReason::Invalid, problems.to_string()),
            None,
        ),
    })
}

fn refers_to(metadata: &ObjectMeta, reference: &ServerRef, server: &Server) -> bool {
    let given = reference
        .namespace
        .as_deref()
        .filter(|namespace| !namespace.is_empty());
    reference.name == server.name
        && given.or(metadata.namespace.as_deref()) == Some(server.namespace.as_str())
}

/// Objects of other namespaces don't count, and their authors learn nothing of the server, not even that it is.
fn foreign(metadata: &ObjectMeta, server: &Server) -> Option<ItemState> {
    (metadata.namespace.as_deref() != Some(server.namespace.as_str())).then(|| {
        ItemState::new(
            metadata,
            ItemReason::NamespaceNotTrusted,
            "no server there trusts this namespace; create the object in the server's own namespace",
        )
    })
}

fn grant_reason(grant: &Grant, server: &Server) -> (ItemReason, String) {
    if grant.disabled {
        return (ItemReason::Disabled, "spec.disabled is true".into());
    }
    let unknown: Vec<&str> = crate::warnings::unknown_rules(grant, server).collect();
    if unknown.is_empty() {
        (ItemReason::Active, String::new())
    } else {
        (
            ItemReason::UnknownTool,
            format!("the server declares no tool {}", unknown.join(", ")),
        )
    }
}

fn session_reason(session: &Session, server: &Server) -> (ItemReason, String) {
    let secret = names::upstream_tokens_secret(&server.name);
    match &session.upstream_token {
        _ if session.revoked => (ItemReason::Revoked, "spec.revoked is true".into()),
        Some(token) if token.name != secret => (
            ItemReason::TokenNotMounted,
            format!("tokens come from Secret {secret} alone; calls with this session are denied"),
        ),
        _ => (ItemReason::Active, String::new()),
    }
}

fn matched_tools(grant: &Grant, server: &Server) -> i64 {
    let rule = |name: &str| {
        grant
            .tool_rules
            .iter()
            .find(|rule| rule.name == name)
            .map(|rule| rule.decision)
    };
    let allows = |name: &str| match rule(name) {
        Some(decision) => decision == PolicyDecision::Allow,
        None => grant.tool_rules.is_empty(),
    };
    let tools = server.tools.iter().filter(|tool| {
        !grant.disabled
            && allows(&tool.name)
            && grant.allowed_side_effects.contains(&tool.side_effect)
    });
    i64::try_from(tools.count()).unwrap_or(i64::MAX)
}

/// A subject that names no team is of the server's team, where the server has one.
fn team<'a>(subject: &'a SubjectIds, server: &'a Server) -> &'a str {
    if subject.team_id.is_empty() {
        &server.team_id
    } else {
        &subject.team_id
    }
}

fn written_grant(grant: &Grant, server: &Server) -> policy::Grant {
    policy::Grant {
        name: grant.name.clone(),
        namespace: grant.namespace.clone(),
        human_id: grant.subject.human_id.clone(),
        agent_id: grant.subject.agent_id.clone(),
        team_id: team(&grant.subject, server).to_owned(),
        max_trust: grant.max_trust.to_string(),
        allowed_side_effects: grant
            .allowed_side_effects
            .iter()
            .map(ToString::to_string)
            .collect(),
        policy_version: grant.policy_version.clone(),
        disabled: grant.disabled,
        tool_rules: grant
            .tool_rules
            .iter()
            .map(|rule| policy::ToolRule {
                name: rule.name.clone(),
                decision: rule.decision.to_string(),
                required_trust: rule.required_trust.to_string(),
            })
            .collect(),
    }
}

/// What a grant that can't be read forbids: leaving it out altogether would open what it closes.
fn denials_of(object: &MCPAccessGrant, server: &Server) -> Option<policy::Grant> {
    let spec = &object.spec;
    let denied: Vec<_> = spec
        .tool_rules
        .iter()
        .filter(|rule| {
            rule.decision.as_deref() != Some(PolicyDecision::Allow.as_str())
                && !rule.name.is_empty()
        })
        .map(|rule| policy::ToolRule {
            name: rule.name.clone(),
            decision: PolicyDecision::Deny.to_string(),
            required_trust: String::new(),
        })
        .collect();
    if denied.is_empty() || spec.disabled == Some(true) {
        return None;
    }
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let subject = SubjectIds {
        human_id: given(&spec.subject.human_id),
        agent_id: given(&spec.subject.agent_id),
        team_id: given(&spec.subject.team_id),
    };
    Some(policy::Grant {
        name: given(&object.metadata.name),
        namespace: given(&object.metadata.namespace),
        team_id: team(&subject, server).to_owned(),
        human_id: subject.human_id,
        agent_id: subject.agent_id,
        max_trust: policy::Trust::Low.to_string(),
        tool_rules: denied,
        ..policy::Grant::default()
    })
}

fn written_session(session: &Session, server: &Server) -> policy::Session {
    let token = session.upstream_token.as_ref();
    policy::Session {
        name: session.name.clone(),
        namespace: session.namespace.clone(),
        human_id: session.subject.human_id.clone(),
        agent_id: session.subject.agent_id.clone(),
        team_id: team(&session.subject, server).to_owned(),
        consented_trust: session.consented_trust.to_string(),
        revoked: session.revoked,
        // Whole seconds, downwards: a session never outlives its end.
        expires_at: session
            .expires_at
            .map(|end| end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
            .unwrap_or_default(),
        policy_version: session.policy_version.clone(),
        upstream_token_ref: token
            .map(|token| format!("{}/{}", token.name, token.key))
            .unwrap_or_default(),
        created_at: String::new(),
    }
}
