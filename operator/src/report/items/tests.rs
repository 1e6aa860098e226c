use super::*;
use crate::delivery::{PodStanding, Standing};
use crds::{MCPServer, Settings};
use serde_json::json;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const SESSION: &str = r#"
apiVersion: mcpruntime.org/v1alpha1
kind: MCPAgentSession
metadata: { name: s-1, namespace: team-a, generation: 2 }
spec:
  serverRef: { name: everything, namespace: team-a }
  subject: { humanID: ann }
  expiresAt: "2026-01-02T00:00:00Z"
"#;

fn session(extra: &str) -> Arc<MCPAgentSession> {
    Arc::new(serde_saphyr::from_str(&format!("{SESSION}{extra}")).unwrap())
}

fn state_of(session: &Arc<MCPAgentSession>) -> ItemState {
    let server: MCPServer = serde_saphyr::from_str(
        "metadata: { name: everything, namespace: team-a }\nspec: { image: i, gateway: { enabled: true } }\n",
    )
    .unwrap();
    let settings = Settings {
        proxy_images: vec!["p".into()],
        ..Settings::default()
    };
    let server = crds::parse(&server, &settings).unwrap();
    crds::compile(&server, &[], &[Arc::clone(session)], &settings)
        .sessions
        .remove(0)
}

fn status(session: &Arc<MCPAgentSession>, proxies: Proxies, now: &str) -> Option<Value> {
    let item = Item::Session(Arc::clone(session));
    item_status(&item, &state_of(session), proxies, time(now))
}

fn enforced_at(generation: i64) -> String {
    format!(
        "status:\n  conditions:\n  - {{ type: Enforced, status: \"True\", reason: Enforced, message: m, \
         observedGeneration: {generation}, lastTransitionTime: \"2025-01-01T00:00:00Z\" }}\n"
    )
}

#[test]
fn what_every_pod_answered_counts_not_what_the_policy_can_do() {
    let policy = |revision: &str, answers: &[Option<&str>]| PolicyView {
        revision: revision.into(),
        pods: answers
            .iter()
            .map(|answered| PodStanding {
                pod: "p".into(),
                standing: Standing {
                    answered: answered.map(str::to_owned),
                    ..Standing::default()
                },
            })
            .collect(),
    };
    assert_eq!(standing(None, "r"), Proxies::NoGateway);
    assert_eq!(standing(Some(&policy("r", &[])), "r"), Proxies::None);
    assert_eq!(
        standing(Some(&policy("r", &[Some("r"), Some("r")])), "r"),
        Proxies::All
    );
    assert_eq!(
        standing(Some(&policy("r", &[Some("r"), Some("old")])), "r"),
        Proxies::Behind
    );
    assert_eq!(
        standing(Some(&policy("r", &[Some("r"), None])), "r"),
        Proxies::Behind
    );
    // What was compiled is still being gathered.
    assert_eq!(
        standing(Some(&policy("r", &[Some("r")])), "next"),
        Proxies::Behind
    );
}

#[test]
fn a_session_is_active_and_enforced_when_every_proxy_has_it() {
    let found = status(&session(""), Proxies::All, "2026-01-01T00:00:00Z").unwrap();
    let expected = json!({
        "observedGeneration": 2,
        "phase": "Active",
        "message": "",
        "conditions": [
            { "type": "Ready", "status": "True", "reason": "Active", "message": "",
              "observedGeneration": 2, "lastTransitionTime": "2026-01-01T00:00:00Z" },
            { "type": "Enforced", "status": "True", "reason": "Enforced",
              "message": "every ready proxy has it",
              "observedGeneration": 2, "lastTransitionTime": "2026-01-01T00:00:00Z" },
        ],
    });
    assert_eq!(found, expected);
}

#[test]
fn a_session_past_its_end_is_expired_without_a_new_document() {
    let session = session("");
    let found = status(&session, Proxies::All, "2026-01-03T00:00:00Z").unwrap();
    assert_eq!(found["phase"], "Expired");
    assert_eq!(
        found["message"],
        "the session ended at 2026-01-02T00:00:00Z"
    );
    let states = [state_of(&session)];
    let left = next_expiry(&states, time("2026-01-01T23:59:59Z"));
    assert_eq!(left, Some(Duration::from_millis(1_010)));
    assert_eq!(next_expiry(&states, time("2026-01-02T00:00:00Z")), None);
}

#[test]
fn what_was_enforced_once_is_not_written_again_for_every_later_policy() {
    let enforced = |proxies| {
        let found = status(&session(&enforced_at(2)), proxies, "2026-01-01T00:00:00Z").unwrap();
        found["conditions"][0]["reason"].clone()
    };
    assert_eq!(enforced(Proxies::Behind), "Enforced");
    assert_eq!(enforced(Proxies::None), "Enforced");
    assert_eq!(enforced(Proxies::NoGateway), "NoGateway");
}

#[test]
fn a_new_generation_is_behind_until_every_proxy_has_it() {
    let session = session(&enforced_at(1));
    let found = status(&session, Proxies::Behind, "2026-01-01T00:00:00Z").unwrap();
    assert_eq!(found["conditions"][0]["reason"], "ProxyBehind");
    assert_eq!(found["conditions"][0]["status"], "False");
}

#[test]
fn a_status_that_says_it_already_is_not_written() {
    let first = status(&session(""), Proxies::All, "2026-01-01T00:00:00Z").unwrap();
    let mut written = (*session("")).clone();
    written.status = Some(serde_json::from_value(first).unwrap());
    assert_eq!(
        status(&Arc::new(written), Proxies::All, "2026-01-01T12:00:00Z"),
        None
    );
}

#[test]
fn another_namespace_cannot_tell_whether_the_server_exists() {
    let mut foreign = (*session("")).clone();
    foreign.metadata.namespace = Some("team-b".into());
    let there = state_of(&Arc::new(foreign));
    let server = ServerKey::new("team-a", "everything");
    let gone = orphan_state(("team-b", "s-1"), Some(2), &server);
    assert_eq!(there, gone);
    let own = orphan_state(("team-a", "s-1"), Some(2), &server);
    assert_eq!(own.reason, ItemReason::ServerNotFound);
}
