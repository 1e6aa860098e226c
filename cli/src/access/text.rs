//! Answers for people.

use std::io::{self, Write};

use policy::{AuthMode, Basis, Decision, Effect, Explanation, ItemId, Policy, Step};

use super::request::Question;

/// The verdict, why, and what it rests on; the steps where asked for.
pub(super) fn explanation(
    policy: &Policy,
    question: &Question,
    explanation: &Explanation,
    steps: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let decision = &explanation.decision;
    writeln!(out, "{}", headline(question, decision))?;
    writeln!(out, "  {}", why(decision))?;
    for (label, value) in facts(policy, question, &decision.basis) {
        writeln!(out, "  {label:<9}{value}")?;
    }
    if steps {
        table(&explanation.steps, out)?;
    }
    writeln!(out)
}

fn headline(question: &Question, decision: &Decision) -> String {
    let id = match &question.id {
        Some(serde_json::Value::String(id)) => format!("{id}: "),
        Some(id) => format!("{id}: "),
        None => String::new(),
    };
    let status = decision
        .status
        .map(|status| format!(", HTTP {status}"))
        .unwrap_or_default();
    let line = decision
        .line
        .map(|line| format!(", line {line}"))
        .unwrap_or_default();
    format!(
        "{id}{} {}{status}{line}",
        verdict(decision),
        decision.reason
    )
}

/// In capitals: what happens to the request.
pub(super) const fn verdict(decision: &Decision) -> &'static str {
    match (decision.effect, decision.enforced) {
        (Effect::Allow, _) => "ALLOWED",
        (Effect::Deny, true) => "DENIED",
        (Effect::Deny, false) => "PASSES, WOULD BE DENIED",
    }
}

fn why(decision: &Decision) -> String {
    match (decision.effect, decision.line) {
        (Effect::Allow, Some(6)) => "The policy doesn't decide this method.".into(),
        (Effect::Allow, Some(7)) => {
            "No grant speaks of the caller, and the default decision is allow.".into()
        }
        (Effect::Allow, Some(9)) => {
            "No grant of the caller allows the tool, and the default decision is allow.".into()
        }
        _ => decision.message(),
    }
}

fn facts(policy: &Policy, question: &Question, basis: &Basis) -> Vec<(&'static str, String)> {
    let caller = match policy.auth().mode {
        AuthMode::None => "anyone (auth.mode is none)".into(),
        _ => question.caller(),
    };
    let mut facts = vec![("caller", caller), ("asks", question.asks().into_owned())];
    let session = match (&basis.session, &question.session) {
        (Some(session), _) => Some(session.to_string()),
        (None, Some(presented)) => Some(format!("{presented} (as presented)")),
        (None, None) => None,
    };
    facts.extend(session.map(|session| ("session", session)));
    facts.extend(
        basis
            .grant
            .as_ref()
            .map(|grant| ("grant", grant_of(grant, basis))),
    );
    let needs = [
        basis.required_side_effect.map(|effect| effect.to_string()),
        basis.required_trust.map(|trust| format!("trust {trust}")),
    ];
    let needs: Vec<String> = needs.into_iter().flatten().collect();
    if !needs.is_empty() {
        facts.push(("needs", needs.join(", ")));
    }
    facts.extend(
        basis
            .effective_trust
            .map(|trust| ("has", has(trust, basis))),
    );
    let server = policy.server();
    let of = format!("{}/{} {}", server.namespace, server.name, policy.revision());
    facts.push(("policy", of));
    facts
}

fn grant_of(grant: &ItemId, basis: &Basis) -> String {
    match &basis.policy_version {
        Some(version) => format!("{grant} (policy version {version})"),
        None => grant.to_string(),
    }
}

fn has(trust: policy::Trust, basis: &Basis) -> String {
    match (basis.admin_trust, basis.consented_trust) {
        (Some(admin), Some(consented)) => {
            format!("trust {trust} (granted {admin}, consented {consented})")
        }
        _ => format!("trust {trust}"),
    }
}

fn table(steps: &[Step], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {:<6}{:<24}{:<7}OF", "LINE", "CHECK", "RESULT")?;
    for step in steps {
        let item = step
            .item
            .as_ref()
            .map(ItemId::to_string)
            .unwrap_or_default();
        let row = format!(
            "  {:<6}{:<24}{:<7}{item}",
            step.line,
            step.check.as_str(),
            step.result.as_str()
        );
        writeln!(out, "{}", row.trim_end())?;
    }
    Ok(())
}
