//! What holds of every decision, tried on generated situations.
//!
//! `MCP_CASES` sets how many situations each property is tried on.

use std::collections::BTreeMap;

use mcp_policy::{
    Check, Document, Effect, Grant, ItemId, Policy, Reason, ToolRule, decide, no_shards,
};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::generate::{PAST, Situation, denying_by_default, now, situation, strip};

fn config() -> ProptestConfig {
    let cases = std::env::var("MCP_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(256);
    ProptestConfig {
        cases,
        // Some properties need a grant that not every situation has.
        max_global_rejects: cases.saturating_mul(20),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A change that tightens never turns deny into allow.
fn only_tightens(before: &Situation, after: &Situation) -> Result<(), TestCaseError> {
    let (before, after) = (before.decide(), after.decide());
    prop_assert!(
        before.effect == Effect::Allow || after.effect == Effect::Deny,
        "{before:?} became {after:?}"
    );
    Ok(())
}

fn lower(trust: &mut String) {
    *trust = match trust.as_str() {
        "high" => "medium",
        _ => "low",
    }
    .into();
}

fn raise(trust: &mut String) {
    *trust = match trust.as_str() {
        "" | "low" => "medium",
        _ => "high",
    }
    .into();
}

/// Puts a rule in the place of the tool's own, or adds it.
fn set_rule(grant: &mut Grant, rule: ToolRule) {
    grant.tool_rules.retain(|other| other.name != rule.name);
    grant.tool_rules.push(rule);
}

/// A grant whose going can't loosen: no rule of it denies or asks for trust.
fn only_allows(grant: &Grant) -> bool {
    grant
        .tool_rules
        .iter()
        .all(|rule| rule.decision != "deny" && matches!(rule.required_trust.as_str(), "" | "low"))
}

/// Another order of the same, `seed` saying which.
fn reorder<T>(items: &mut Vec<T>, seed: u64) {
    let mut keyed: Vec<(u64, T)> = items
        .drain(..)
        .enumerate()
        .map(|(i, item)| {
            let key = (seed ^ i as u64)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .rotate_left(29);
            (key, item)
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    items.extend(keyed.into_iter().map(|(_, item)| item));
}

/// The session that the request presents, if the document has it.
fn presented(document: &Document, session: Option<&str>) -> Option<usize> {
    let session = session?;
    let (namespace, name) = session.split_once('/').unwrap_or(("team-a", session));
    document.sessions.iter().position(|candidate| {
        let own = if candidate.namespace.is_empty() {
            "team-a"
        } else {
            &candidate.namespace
        };
        own == namespace && candidate.name == name
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn lowering_a_max_trust_only_tightens(s in denying_by_default(), at: Index) {
        prop_assume!(!s.document.grants.is_empty());
        let at = at.index(s.document.grants.len());
        only_tightens(&s, &s.with(|document| lower(&mut document.grants[at].max_trust)))?;
    }

    #[test]
    fn lowering_a_consented_trust_only_tightens(s in denying_by_default(), at: Index) {
        let at = at.index(s.document.sessions.len());
        only_tightens(&s, &s.with(|document| lower(&mut document.sessions[at].consented_trust)))?;
    }

    #[test]
    fn revoking_or_expiring_the_presented_session_only_tightens(s in denying_by_default()) {
        let Some(at) = presented(&s.document, s.asked.session.as_deref()) else { return Ok(()) };
        only_tightens(&s, &s.with(|document| document.sessions[at].revoked = true))?;
        only_tightens(&s, &s.with(|document| document.sessions[at].expires_at = PAST.into()))?;
    }

    #[test]
    fn adding_a_rule_that_denies_only_tightens(s in denying_by_default(), at: Index, tool: Index) {
        prop_assume!(!s.document.grants.is_empty());
        let at = at.index(s.document.grants.len());
        let name = (*tool.get(&["list", "add", "drop"])).to_owned();
        let deny = ToolRule { name, decision: "deny".into(), ..ToolRule::default() };
        only_tightens(&s, &s.with(|document| set_rule(&mut document.grants[at], deny)))?;
    }

    #[test]
    fn raising_what_a_tool_requires_only_tightens(s in denying_by_default(), at: Index) {
        prop_assume!(!s.document.tools.is_empty());
        let at = at.index(s.document.tools.len());
        only_tightens(&s, &s.with(|document| raise(&mut document.tools[at].required_trust)))?;
    }

    #[test]
    fn removing_a_grant_that_only_allows_only_tightens(s in denying_by_default(), at: Index) {
        prop_assume!(!s.document.grants.is_empty());
        let at = at.index(s.document.grants.len());
        prop_assume!(only_allows(&s.document.grants[at]));
        only_tightens(&s, &s.with(|document| { document.grants.remove(at); }))?;
    }

    #[test]
    fn removing_a_side_effect_of_a_grant_that_only_allows_only_tightens(
        s in denying_by_default(), at: Index, effect: Index,
    ) {
        prop_assume!(!s.document.grants.is_empty());
        let at = at.index(s.document.grants.len());
        let effects = s.document.grants[at].allowed_side_effects.len();
        prop_assume!(only_allows(&s.document.grants[at]) && effects > 0);
        let effect = effect.index(effects);
        let less = s.with(|document| {
            document.grants[at].allowed_side_effects.remove(effect);
        });
        only_tightens(&s, &less)?;
    }

    /// It still matches its subject, so without another grant the line and reason are those
    /// of a tool that isn't granted.
    #[test]
    fn a_disabled_grant_allows_and_denies_nothing(s in situation(), at: Index) {
        prop_assume!(!s.document.grants.is_empty());
        let at = at.index(s.document.grants.len());
        let disabled = s.with(|document| document.grants[at].disabled = true).decide();
        let gone = s.with(|document| { document.grants.remove(at); }).decide();
        prop_assert_eq!(disabled.effect, gone.effect);
        prop_assert_eq!(disabled.enforced, gone.enforced);
        if gone.line != Some(7) {
            prop_assert_eq!(disabled, gone);
        }
    }

    #[test]
    fn the_order_of_things_changes_nothing(s in situation(), seed: u64) {
        let other = s.with(|document| {
            reorder(&mut document.grants, seed);
            reorder(&mut document.sessions, seed);
            reorder(&mut document.tools, seed);
            for grant in &mut document.grants {
                reorder(&mut grant.tool_rules, seed);
                reorder(&mut grant.allowed_side_effects, seed);
            }
        });
        prop_assert_eq!(s.explain(), other.explain());
    }

    #[test]
    fn explain_and_decide_agree_on_everything(s in situation()) {
        let explained = s.explain();
        prop_assert_eq!(&explained.decision, &s.decide());
        prop_assert_eq!(explained.steps.last().map(|step| step.line), explained.decision.line);
        prop_assert!(explained.steps.iter().map(|step| step.line).is_sorted());
    }

    #[test]
    fn a_denial_has_a_status_and_an_allow_is_carried_out(s in situation()) {
        let decision = s.decide();
        prop_assert_eq!(decision.status.is_some(), decision.effect == Effect::Deny);
        prop_assert!(decision.enforced || decision.effect == Effect::Deny);
        prop_assert!(decision.line.is_some());
    }

    /// The index by eight keys against a look at every grant.
    #[test]
    fn the_index_finds_the_grants_that_a_scan_finds(s in situation()) {
        let explained = s.explain();
        let reached = explained.steps.iter().any(|step| step.check == Check::GrantMatches);
        let anonymous = s.document.auth.as_ref().unwrap().mode == "none";
        let (true, false, Ok(subject)) = (reached, anonymous, &s.asked.who) else { return Ok(()) };
        let or = |value: &str, default: &str| -> String {
            if value.is_empty() { default } else { value }.to_owned()
        };
        let team = &s.document.server.team_id;
        let mut scanned: Vec<ItemId> = s
            .document
            .grants
            .iter()
            .filter(|grant| {
                let theirs = [grant.human_id.clone(), grant.agent_id.clone(), or(&grant.team_id, team)];
                theirs.iter().zip(subject).all(|(grant, own)| grant.is_empty() || grant == own)
            })
            .map(|grant| ItemId {
                namespace: or(&grant.namespace, "team-a").into(),
                name: grant.name.as_str().into(),
            })
            .collect();
        scanned.sort();
        let found: Vec<ItemId> = explained
            .steps
            .iter()
            .filter(|step| step.check == Check::GrantMatches)
            .filter_map(|step| step.item.clone())
            .collect();
        prop_assert_eq!(found, scanned);
    }

    /// A document that can't be acted on as a whole takes away and never gives.
    #[test]
    fn the_denials_of_a_newer_document_only_tighten(
        s in denying_by_default(), newer in situation(),
    ) {
        let Some(policy) = s.policy() else { return Ok(()) };
        let before = strip(decide(Some(&policy), &s.asked.request(), now()));
        let tightened = policy.with_denials_of(&newer.document, &no_shards);
        let after = strip(decide(Some(&tightened), &s.asked.request(), now()));
        prop_assert!(
            before.effect == Effect::Allow || after.effect == Effect::Deny,
            "{:?} became {:?}", before, after
        );
    }

    /// With its own document as the newer one, only what it disabled or revoked is denied: it
    /// was already.
    #[test]
    fn a_documents_own_denials_change_nothing(s in situation()) {
        let Some(policy) = s.policy() else { return Ok(()) };
        let same = policy.with_denials_of(&s.document, &no_shards);
        let after = strip(decide(Some(&same), &s.asked.request(), now()));
        prop_assert_eq!(after, s.decide());
    }

    #[test]
    fn what_is_written_is_read_again(s in situation()) {
        let mut stamped = s.document.clone();
        stamped.revision = stamped.compute_revision();
        let json = serde_json::to_vec_pretty(&stamped).unwrap();
        let parsed = Document::parse(&json).unwrap();
        prop_assert_eq!(&parsed.unknown, &Vec::<String>::new());
        prop_assert_eq!(&parsed.document, &stamped);
        prop_assert!(Policy::try_from(&parsed).is_ok());
    }
}

/// Without this a property could hold because it was never tried.
#[test]
fn every_reason_is_at_least_one_in_a_hundred_situations() {
    const TRIED: u32 = 10_000;
    let mut runner = TestRunner::deterministic();
    let mut counts: BTreeMap<Reason, u32> = BTreeMap::new();
    for _ in 0..TRIED {
        let situation = situation().new_tree(&mut runner).unwrap().current();
        *counts.entry(situation.decide().reason).or_default() += 1;
    }
    println!("{counts:?}");
    let rare: Vec<_> = crate::corpus::GIVEN
        .iter()
        .map(|reason| (reason, counts.get(reason).copied().unwrap_or(0)))
        .filter(|(_, count)| count * 100 < TRIED)
        .collect();
    assert_eq!(rare, Vec::new());
}
