//! Documents that are refused, each with the name of what is wrong; and what a document that
//! can't be acted on still denies.

use jiff::Timestamp;
use mcp_policy::{
    Document, Effect, ItemId, Policy, PolicyError, Reason, Request, Subject, decide, no_shards,
};
use serde_json::{Value, json};

fn document() -> Value {
    json!({
        "schema_version": "v1",
        "server": {"name": "shop", "namespace": "team-a"},
        "session": {"max_lifetime": "24h", "idle_timeout": "1h", "enforce_limits": true},
        "tools": [{"name": "list", "side_effect": "read"}],
        "grants": [
            {"name": "g1", "namespace": "team-a", "human_id": "ann", "max_trust": "low",
             "allowed_side_effects": ["read"], "tool_rules": [{"name": "list", "decision": "allow"}]},
            {"name": "g2", "namespace": "team-a", "human_id": "ben", "allowed_side_effects": ["read"]}
        ],
        "sessions": [
            {"name": "s1", "human_id": "ann", "created_at": "2026-01-01T00:00:00Z",
             "expires_at": "2026-02-01T00:00:00Z", "upstream_token_ref": "shop-upstream-tokens/ann"}
        ],
        "prompts": [{"name": "p", "side_effect": "read"}],
        "resources": [{"uri": "file:///r", "required_trust": "low"}]
    })
}

fn parse(document: &Value) -> Document {
    Document::parse(document.to_string().as_bytes())
        .unwrap()
        .document
}

fn error(pointer: &str, value: Value) -> String {
    let mut document = document();
    *document.pointer_mut(pointer).unwrap() = value;
    Policy::try_from(&parse(&document)).unwrap_err().to_string()
}

#[test]
fn the_whole_of_it_is_a_policy() {
    let policy = Policy::try_from(&parse(&document())).unwrap();
    assert_eq!((policy.grant_count(), policy.session_count()), (2, 1));
    let session = ItemId {
        namespace: "team-a".into(),
        name: "s1".into(),
    };
    assert_eq!(
        policy.upstream_token_ref(&session).unwrap().as_ref(),
        "shop-upstream-tokens/ann"
    );
    assert!(!policy.observes() && policy.filters_lists() && !policy.requires_session());
    assert!(policy.governs("tools/call") && !policy.governs("tools/list"));
}

#[test]
fn a_value_outside_its_words_is_named_with_what_could_stand_there() {
    for (pointer, value, says) in [
        (
            "/schema_version",
            json!("v2"),
            r#"schema_version is "v2", not "v1""#,
        ),
        ("/server/name", json!(""), "server.name is missing"),
        (
            "/server/namespace",
            json!(""),
            "server.namespace is missing",
        ),
        (
            "/server/name",
            json!("a/b"),
            r#"server.name is "a/b", not a name without /"#,
        ),
        (
            "/session/max_lifetime",
            json!("1 day"),
            r#"session.max_lifetime is "1 day", not a duration over 0 as in 1h30m"#,
        ),
        (
            "/session/idle_timeout",
            json!("0s"),
            r#"session.idle_timeout is "0s", not a duration over 0 as in 1h30m"#,
        ),
        ("/tools/0/name", json!(""), "tools[0].name is missing"),
        (
            "/tools/0/side_effect",
            json!("Read"),
            r#"tools[list].side_effect is "Read", not read, write or destructive"#,
        ),
        ("/grants/1/name", json!(""), "grants[1].name is missing"),
        (
            "/grants/1/name",
            json!("g1"),
            "grants[team-a/g1] is there twice",
        ),
        (
            "/grants/0/max_trust",
            json!("highest"),
            r#"grants[team-a/g1].max_trust is "highest", not low, medium or high"#,
        ),
        (
            "/grants/0/allowed_side_effects/0",
            json!(""),
            "grants[team-a/g1].allowed_side_effects[] is missing",
        ),
        (
            "/grants/0/tool_rules/0/name",
            json!(""),
            "grants[team-a/g1].tool_rules[0].name is missing",
        ),
        (
            "/grants/0/tool_rules/0/decision",
            json!("maybe"),
            r#"grants[team-a/g1].tool_rules[list].decision is "maybe", not allow or deny"#,
        ),
        (
            "/sessions/0/expires_at",
            json!("soon"),
            r#"sessions[team-a/s1].expires_at is "soon", not a time as in 2026-01-02T15:04:05Z (RFC 3339)"#,
        ),
        (
            "/sessions/0/created_at",
            json!(""),
            "sessions[team-a/s1].created_at is missing",
        ),
        (
            "/prompts/0/side_effect",
            json!("none"),
            r#"prompts[p].side_effect is "none", not read, write or destructive"#,
        ),
        (
            "/resources/0/required_trust",
            json!("some"),
            r#"resources[file:///r].required_trust is "some", not low, medium or high"#,
        ),
    ] {
        assert_eq!(error(pointer, value), says);
    }
}

#[test]
fn sections_with_words_of_another_version_are_refused() {
    for (section, value, says) in [
        (
            "policy",
            json!({"mode": "dry-run"}),
            r#"policy.mode is "dry-run", not allow-list or observe"#,
        ),
        (
            "policy",
            json!({"default_decision": "ask"}),
            r#"policy.default_decision is "ask", not deny or allow"#,
        ),
        (
            "policy",
            json!({"enforce_on": "tools"}),
            r#"policy.enforce_on is "tools", not call_tool or all"#,
        ),
        (
            "policy",
            json!({"listing": "some"}),
            r#"policy.listing is "some", not allowed or all"#,
        ),
        (
            "auth",
            json!({"human_id_header": "X Human"}),
            r#"auth.human_id_header is "X Human", not the name of an HTTP header"#,
        ),
        (
            "session",
            json!({"upstream_token_header": "a:b"}),
            r#"session.upstream_token_header is "a:b", not the name of an HTTP header"#,
        ),
    ] {
        let mut document = document();
        document[section] = value;
        assert_eq!(
            Policy::try_from(&parse(&document)).unwrap_err().to_string(),
            says
        );
    }
}

#[test]
fn a_revision_that_isnt_the_contents_is_refused() {
    let mut stamped = parse(&document());
    stamped.revision = stamped.compute_revision();
    let policy = Policy::try_from(&stamped).unwrap();
    assert_eq!(policy.revision().as_ref(), stamped.revision);
    stamped.grants[0].disabled = true;
    let error = Policy::try_from(&stamped).unwrap_err();
    assert!(matches!(error, PolicyError::Revision { .. }), "{error}");
}

#[test]
fn a_document_without_a_revision_gets_its_contents() {
    let plain = parse(&document());
    assert_eq!(
        Policy::try_from(&plain).unwrap().revision().as_ref(),
        plain.compute_revision()
    );
}

#[test]
fn a_document_with_unknown_members_is_no_policy() {
    let mut newer = document();
    newer["grants"][0]["quota"] = json!(3);
    let parsed = Document::parse(newer.to_string().as_bytes()).unwrap();
    let error = Policy::try_from(&parsed).unwrap_err();
    assert_eq!(error.to_string(), "unknown_member: grants.0.quota");
}

/// What ann's and ben's calls end with, ann presenting s1.
fn ends(policy: &Policy) -> [(Effect, Reason); 2] {
    let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
    [("ann", Some("s1")), ("ben", None)].map(|(human, session)| {
        let request = Request {
            subject: Ok(Subject {
                human,
                ..Subject::default()
            }),
            session,
            method: Some("tools/call"),
            name: Some("list"),
            ..Request::default()
        };
        let decision = decide(Some(policy), &request, now);
        (decision.effect, decision.reason)
    })
}

const ALLOWED: (Effect, Reason) = (Effect::Allow, Reason::Allowed);
const NOT_GRANTED: (Effect, Reason) = (Effect::Deny, Reason::ToolNotGranted);

#[test]
fn the_denials_of_a_newer_document_are_applied() {
    let good = Policy::try_from(&parse(&document())).unwrap();
    assert_eq!(ends(&good), [ALLOWED, ALLOWED]);
    let after = |change: fn(&mut Value)| {
        let mut newer = document();
        change(&mut newer);
        ends(&good.with_denials_of(&parse(&newer), &no_shards))
    };
    let denied = |reason| (Effect::Deny, reason);
    assert_eq!(after(|_| ()), [ALLOWED, ALLOWED]);
    assert_eq!(
        after(|newer| newer["sessions"][0]["revoked"] = json!(true)),
        [denied(Reason::SessionRevoked), ALLOWED]
    );
    assert_eq!(
        after(|newer| newer["sessions"] = json!([])),
        [denied(Reason::SessionNotFound), ALLOWED]
    );
    assert_eq!(
        after(|newer| newer["revoked_sessions"] = json!([{"namespace": "team-a", "name": "s1"}])),
        [denied(Reason::SessionRevoked), ALLOWED]
    );
    assert_eq!(
        after(|newer| newer["grants"][1]["disabled"] = json!(true)),
        [ALLOWED, NOT_GRANTED]
    );
    assert_eq!(
        after(|newer| {
            newer["grants"].as_array_mut().unwrap().remove(0);
        }),
        [NOT_GRANTED, ALLOWED]
    );
}

#[test]
fn sessions_that_moved_to_shards_arent_gone() {
    let good = Policy::try_from(&parse(&document())).unwrap();
    let mut newer = document();
    newer["sessions"] = json!([]);
    newer["session_shards"] = json!([{"name": "sessions-0.ndjson.gz", "sha256": "00"}]);
    assert_eq!(
        ends(&good.with_denials_of(&parse(&newer), &no_shards)),
        [ALLOWED, ALLOWED]
    );
}

/// The newer document may forbid by means this version doesn't know; it never gives.
#[test]
fn what_a_newer_document_gives_isnt_applied() {
    let mut closed = document();
    closed["grants"] = json!([{
        "name": "g2", "namespace": "team-a", "human_id": "ben",
        "tool_rules": [{"name": "list", "decision": "deny"}]
    }]);
    let good = Policy::try_from(&parse(&closed)).unwrap();
    let denied = [
        (Effect::Deny, Reason::NoMatchingGrant),
        (Effect::Deny, Reason::ToolDenied),
    ];
    assert_eq!(ends(&good), denied);
    assert_eq!(
        ends(&good.with_denials_of(&parse(&document()), &no_shards)),
        denied
    );
    let mut without = document();
    without["grants"] = json!([]);
    assert_eq!(
        ends(&good.with_denials_of(&parse(&without), &no_shards)),
        denied
    );
}
