//! Stage: what the policy says. Everything is decided in the policy crate; here the stages'
//! results become its question, and a batch becomes one question for each message.
//! Pure: the time is an argument.

use std::time::Duration;

use jiff::Timestamp;
use policy::{Decision, Effect, Reason, Request, decide};

use crate::inspect::{Inspected, Message, Refusal};
use crate::{Caller, Rules};

/// The last line of the decision table that looks at the request as a whole.
const LAST_LINE_OF_REQUEST: u8 = 5;

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// One decision for the exchange.
    One(Decision),
    /// One for each message of a batch, in order.
    Each(Vec<Decision>),
}

/// Decides. `idle` is how long ago the presented session was last served here.
pub(crate) fn authorize(
    rules: Option<&Rules>,
    caller: &Caller,
    inspected: &Result<Inspected, Refusal>,
    idle: Option<Duration>,
    now: Timestamp,
) -> Verdict {
    let ask = |message: Option<&Message>| {
        let session = (!caller.session.is_empty()).then(|| caller.session.as_str());
        let request = Request {
            subject: caller
                .identity
                .as_ref()
                .map(|identity| identity.subject())
                .map_err(|reason| *reason),
            inspection_failure: inspected.as_ref().err().map(Refusal::reason),
            session,
            session_idle: idle,
            method: message.and_then(|message| Some(message.method.as_ref()?.as_str())),
            name: message.and_then(|message| Some(message.name.as_ref()?.as_str())),
        };
        let decision = decide(rules.map(|rules| &rules.policy), &request, now);
        with_upstream_token(rules, decision)
    };
    match inspected {
        Err(_) | Ok(Inspected::Nothing) => Verdict::One(ask(None)),
        Ok(Inspected::One(message)) => Verdict::One(ask(Some(message))),
        Ok(Inspected::Batch(messages)) => {
            let decisions: Vec<Decision> =
                messages.iter().map(|message| ask(Some(message))).collect();
            match decisions.first() {
                Some(first) if concerns_the_request(first) && !first.passes() => {
                    Verdict::One(first.clone())
                }
                Some(_) => Verdict::Each(decisions),
                None => Verdict::One(Decision::default()),
            }
        }
    }
}

fn concerns_the_request(decision: &Decision) -> bool {
    decision
        .line
        .is_none_or(|line| line <= LAST_LINE_OF_REQUEST)
}

/// Tokens of sessions aren't mounted for this version: a call that needs one doesn't go up
/// without it.
fn with_upstream_token(rules: Option<&Rules>, decision: Decision) -> Decision {
    let needs_token = decision.passes()
        && rules
            .zip(decision.basis.session.as_ref())
            .is_some_and(|(rules, session)| rules.policy.upstream_token_ref(session).is_some());
    if !needs_token {
        return decision;
    }
    Decision {
        effect: Effect::Deny,
        enforced: true,
        reason: Reason::UpstreamTokenUnavailable,
        line: None,
        status: Reason::UpstreamTokenUnavailable.status(),
        basis: decision.basis,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::identify;
    use crate::inspect::inspect;
    use crate::test_rules::rules;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    const ANN_MAY_ECHO: &str = "
auth: {mode: header}
tools: [{name: echo, side_effect: read}, {name: wipe, side_effect: destructive}]
grants: [{name: g, namespace: team-a, human_id: ann, max_trust: low, allowed_side_effects: [read]}]
sessions:
- {name: live, namespace: team-a, human_id: ann}
- {name: over, namespace: team-a, human_id: ann, revoked: true}
- {name: with-token, namespace: team-a, human_id: ann, upstream_token_ref: demo-upstream-tokens/k}
";

    fn call(tool: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#)
    }

    fn verdict(human: &str, session: &str, body: String) -> Verdict {
        let rules = rules(ANN_MAY_ECHO);
        let headers: HeaderMap = [("x-mcp-human-id", human), ("x-mcp-agent-session", session)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::try_from(value).unwrap(),
                )
            })
            .collect();
        let inspected = inspect(&Method::POST, &headers, &Bytes::from(body));
        let caller = identify(Some(&rules), &headers);
        authorize(
            Some(&rules),
            &caller,
            &inspected,
            None,
            Timestamp::UNIX_EPOCH,
        )
    }

    fn reasons(verdict: &Verdict) -> Vec<Reason> {
        match verdict {
            Verdict::One(decision) => vec![decision.reason],
            Verdict::Each(decisions) => decisions.iter().map(|d| d.reason).collect(),
        }
    }

    #[test]
    fn a_call_is_decided_by_its_tool_and_its_caller() {
        assert_eq!(
            reasons(&verdict("ann", "", call("echo"))),
            [Reason::Allowed]
        );
        assert_eq!(
            reasons(&verdict("ann", "", call("wipe"))),
            [Reason::SideEffectNotAllowed]
        );
        assert_eq!(
            reasons(&verdict("bob", "", call("echo"))),
            [Reason::NoMatchingGrant]
        );
        assert_eq!(
            reasons(&verdict("", "", call("echo"))),
            [Reason::MissingIdentity]
        );
    }

    #[test]
    fn what_inspection_refused_is_refused() {
        assert_eq!(
            reasons(&verdict("ann", "", "{".into())),
            [Reason::RpcInspectionFailed]
        );
        assert_eq!(
            reasons(&verdict("", "", "{".into())),
            [Reason::MissingIdentity]
        );
    }

    #[test]
    fn messages_of_a_batch_are_decided_each_on_its_own() {
        let both = format!("[{},{}]", call("echo"), call("wipe"));
        assert_eq!(
            reasons(&verdict("ann", "live", both)),
            [Reason::Allowed, Reason::SideEffectNotAllowed]
        );
    }

    #[test]
    fn a_batch_whose_session_is_over_gets_one_answer() {
        let both = format!("[{},{}]", call("echo"), call("wipe"));
        let verdict = verdict("ann", "over", both);
        assert!(matches!(verdict, Verdict::One(_)), "{verdict:?}");
        assert_eq!(reasons(&verdict), [Reason::SessionRevoked]);
    }

    #[test]
    fn a_session_whose_upstream_token_isnt_mounted_is_denied() {
        assert_eq!(
            reasons(&verdict("ann", "with-token", call("echo"))),
            [Reason::UpstreamTokenUnavailable]
        );
    }

    #[test]
    fn without_a_policy_nothing_passes() {
        let inspected = Ok(Inspected::Nothing);
        let caller = identify(None, &HeaderMap::new());
        let verdict = authorize(None, &caller, &inspected, None, Timestamp::UNIX_EPOCH);
        assert_eq!(reasons(&verdict), [Reason::PolicyUnavailable]);
    }
}
