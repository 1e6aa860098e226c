//! Situations for the properties: few names, so that they meet.

use jiff::Timestamp;
use mcp_policy::{
    Auth, Decision, Document, Explanation, Grant, Policy, PolicySection, Prompt, Reason, Request,
    Resource, Server, Session, SessionSection, Subject, Tool, ToolRule, decide, explain,
};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

/// A document, whether it was loaded, and a request that meets it.
#[derive(Clone, Debug)]
pub(crate) struct Situation {
    pub(crate) document: Document,
    loaded: bool,
    pub(crate) asked: Asked,
}

/// A request that owns its words.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) who: Result<[String; 3], Reason>,
    inspection_failure: Option<Reason>,
    pub(crate) session: Option<String>,
    idle_s: Option<u64>,
    method: Option<String>,
    pub(crate) name: Option<String>,
}

impl Asked {
    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            subject: match &self.who {
                Ok([human, agent, team]) => Ok(Subject { human, agent, team }),
                Err(reason) => Err(*reason),
            },
            inspection_failure: self.inspection_failure,
            session: self.session.as_deref(),
            session_idle: self.idle_s.map(std::time::Duration::from_secs),
            method: self.method.as_deref(),
            name: self.name.as_deref(),
        }
    }
}

impl Situation {
    pub(crate) fn policy(&self) -> Option<Policy> {
        self.loaded
            .then(|| Policy::try_from(&self.document).unwrap())
    }

    /// The decision; without the revision, which is the document's and not the decision's.
    pub(crate) fn decide(&self) -> Decision {
        strip(decide(self.policy().as_ref(), &self.asked.request(), now()))
    }

    pub(crate) fn explain(&self) -> Explanation {
        let explained = explain(self.policy().as_ref(), &self.asked.request(), now());
        Explanation {
            decision: strip(explained.decision),
            ..explained
        }
    }

    /// The same request meeting another document.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Document)) -> Self {
        let mut changed = self.clone();
        change(&mut changed.document);
        changed
    }
}

pub(crate) fn strip(mut decision: Decision) -> Decision {
    decision.basis.policy_revision = None;
    decision
}

pub(crate) fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(crate) const PAST: &str = "2025-12-31T00:00:00Z";
const TRUSTS: &[&str] = &["", "low", "medium", "high"];
const EFFECTS: &[&str] = &["read", "write", "destructive"];
const HUMANS: &[&str] = &["", "", "ann", "ann", "ann", "ben"];
const AGENTS: &[&str] = &["", "", "", "", "", "ops", "bot"];
const TEAMS: &[&str] = &["", "", "", "", "", "blue", "red"];
const TOOLS: &[&str] = &["list", "add", "drop"];
const NAMESPACES: &[&str] = &["team-a", "team-a", "team-a", "", "team-b"];

fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(str::to_owned)
}

fn tool() -> impl Strategy<Value = Tool> {
    let side_effect = word(&["read", "read", "read", "write", "write", "destructive", ""]);
    (word(TRUSTS), side_effect).prop_map(|(required_trust, side_effect)| Tool {
        required_trust,
        side_effect,
        ..Tool::default()
    })
}

/// One to three tools, named in the order of [`TOOLS`]; sometimes none.
fn tools() -> impl Strategy<Value = Vec<Tool>> {
    vec(tool(), 0..=TOOLS.len()).prop_map(|tools| {
        let named = TOOLS.iter().zip(tools);
        named
            .map(|(name, tool)| Tool {
                name: (*name).into(),
                ..tool
            })
            .collect()
    })
}

fn rules() -> impl Strategy<Value = Vec<ToolRule>> {
    let rule = (word(&["allow", "allow", "", "deny"]), word(TRUSTS));
    let rules = vec(weighted(0.6, rule), TOOLS.len()).prop_map(|rules| {
        let named = TOOLS.iter().zip(rules);
        named
            .filter_map(|(name, rule)| rule.map(|rule| (name, rule)))
            .map(|(name, (decision, required_trust))| ToolRule {
                name: (*name).into(),
                decision,
                required_trust,
            })
            .collect()
    });
    prop_oneof![Just(Vec::new()), rules]
}

fn grant() -> impl Strategy<Value = Grant> {
    let effects = proptest::sample::subsequence(EFFECTS, 0..=EFFECTS.len());
    let who = (word(HUMANS), word(AGENTS), word(TEAMS));
    let says = (
        word(TRUSTS),
        effects,
        word(&["", "v7"]),
        prop::bool::weighted(0.15),
        rules(),
    );
    (word(NAMESPACES), who, says).prop_map(|(namespace, who, says)| Grant {
        namespace,
        human_id: who.0,
        agent_id: who.1,
        team_id: who.2,
        max_trust: says.0,
        allowed_side_effects: says.1.into_iter().map(str::to_owned).collect(),
        policy_version: says.2,
        disabled: says.3,
        tool_rules: says.4,
        ..Grant::default()
    })
}

fn session() -> impl Strategy<Value = Session> {
    let human = word(&["", "ann", "ann", "ann", "ben"]);
    let agent = word(&["", "", "", "", "", "", "ops"]);
    let team = word(&["", "", "", "", "", "", "", "blue"]);
    let who = (human, agent, team);
    let expires = word(&["", "", "2027-01-01T00:00:00Z", PAST, "2026-01-01T00:00:00Z"]);
    let created = word(&["2025-12-31T12:00:00Z", "2025-12-31T23:00:00Z"]);
    let says = (word(TRUSTS), prop::bool::weighted(0.2), expires, created);
    (word(&["team-a", "team-a", "", "", "team-b"]), who, says).prop_map(|(namespace, who, says)| {
        Session {
            namespace,
            human_id: who.0,
            agent_id: who.1,
            team_id: who.2,
            consented_trust: says.0,
            revoked: says.1,
            expires_at: says.2,
            created_at: says.3,
            ..Session::default()
        }
    })
}

fn sections() -> impl Strategy<Value = (Auth, PolicySection, SessionSection)> {
    let auth = prop_oneof![
        64 => Just("header"), 2 => Just(""), 3 => Just("none"),
        1 => Just("oauth"), 1 => Just("mtls"), 1 => Just("passkey"),
    ];
    let policy = (
        word(&["", "", "", "allow-list", "observe"]),
        word(&["", "", "", "deny", "allow"]),
        word(&["", "call_tool", "all", "all"]),
        word(&["", "v1"]),
    );
    let session = (
        prop::bool::weighted(0.12),
        prop::bool::weighted(0.3),
        word(&["", "6h", "24h"]),
    );
    (auth, policy, session).prop_map(|(auth, policy, session)| {
        (
            Auth {
                mode: auth.into(),
                ..Auth::default()
            },
            PolicySection {
                mode: policy.0,
                default_decision: policy.1,
                enforce_on: policy.2,
                policy_version: policy.3,
                ..PolicySection::default()
            },
            SessionSection {
                required: session.0,
                enforce_limits: session.1,
                max_lifetime: session.2,
                idle_timeout: "1h".into(),
                ..SessionSection::default()
            },
        )
    })
}

fn document() -> impl Strategy<Value = Document> {
    let server = word(&["", "", "", "", "", "", "", "blue"]);
    let items = (vec(grant(), 0..7), vec(session(), 1..4), tools());
    let other = (word(TRUSTS), word(EFFECTS), word(TRUSTS), word(EFFECTS));
    (server, sections(), items, other).prop_map(|(team_id, sections, items, other)| {
        let (mut grants, mut sessions, tools) = items;
        for (i, grant) in grants.iter_mut().enumerate() {
            grant.name = format!("g{i}");
        }
        for (i, session) in sessions.iter_mut().enumerate() {
            session.name = format!("s{i}");
        }
        Document {
            schema_version: "v1".into(),
            server: Server {
                name: "shop".into(),
                namespace: "team-a".into(),
                team_id,
                ..Server::default()
            },
            auth: Some(sections.0),
            policy: Some(sections.1),
            session: Some(sections.2),
            tools,
            grants,
            sessions,
            prompts: vec![Prompt {
                name: "list".into(),
                required_trust: other.0,
                side_effect: other.1,
            }],
            resources: vec![Resource {
                uri: "add".into(),
                required_trust: other.2,
                side_effect: other.3,
            }],
            ..Document::default()
        }
    })
}

/// Why there is no subject, but for the mode that isn't implemented: `decide` finds that.
const NOBODY: &[Reason] = &[
    Reason::MissingIdentity,
    Reason::MissingBearerToken,
    Reason::InvalidToken,
    Reason::MissingClientCertificate,
    Reason::UntrustedProxy,
    Reason::MissingVerifiedIdentity,
    Reason::InvalidSpiffeIdentity,
    Reason::OauthConfigMissing,
    Reason::OauthIssuerMissing,
    Reason::OauthProviderUnavailable,
];

const UNREADABLE: &[Reason] = &[
    Reason::RpcInspectionFailed,
    Reason::UnsupportedMediaType,
    Reason::RequestTooLarge,
    Reason::HeaderMismatch,
    Reason::MethodNotAllowed,
];

fn asked() -> impl Strategy<Value = Asked> {
    let who = (
        word(&["ann", "ann", "ann", "ben"]),
        word(AGENTS),
        word(TEAMS),
    );
    let who = prop_oneof![
        85 => who.prop_map(|(human, agent, team)| Ok([human, agent, team])),
        15 => select(NOBODY).prop_map(Err),
    ];
    let session = prop_oneof![
        10 => Just(None),
        9 => word(&["s0", "s0", "s0", "s0", "s1", "team-a/s0", "team-b/s0", "s9"]).prop_map(Some),
    ];
    let method = prop_oneof![
        70 => Just(Some("tools/call")), 3 => Just(Some("call_tool")),
        6 => select(&["prompts/get", "resources/read", "completion/complete"][..]).prop_map(Some),
        8 => select(&["initialize", "ping", "tools/list"][..]).prop_map(Some),
        11 => select(&["shop/close", "tasks/get"][..]).prop_map(Some),
        2 => Just(None),
    ];
    let name = prop_oneof![9 => select(TOOLS), 1 => Just("nowhere")];
    let inspection = weighted(0.08, select(UNREADABLE));
    (
        who,
        inspection,
        session,
        weighted(0.3, select(&[60_u64, 7200][..])),
        method,
        name,
    )
        .prop_map(
            |(who, inspection_failure, session, idle_s, method, name)| Asked {
                who,
                inspection_failure,
                session,
                idle_s,
                method: method.map(str::to_owned),
                name: Some(name.to_owned()),
            },
        )
}

/// Every kind of situation, none of them rare.
pub(crate) fn situation() -> impl Strategy<Value = Situation> {
    (document(), prop::bool::weighted(0.97), asked()).prop_map(|(document, loaded, asked)| {
        Situation {
            document,
            loaded,
            asked,
        }
    })
}

/// Situations of a policy that denies by default.
pub(crate) fn denying_by_default() -> impl Strategy<Value = Situation> {
    situation().prop_map(|situation| {
        situation.with(|document| {
            document.policy.get_or_insert_default().default_decision = "deny".into();
        })
    })
}
