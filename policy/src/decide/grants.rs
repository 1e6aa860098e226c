//! Lines 7 to 12: what the subject's grants say. They are visited in order of namespace and
//! name, so the order they were written in shows nowhere.

use super::pass::{Call, Line, Live, Pass, Verdict};
use super::trace::{Check, Outcome, Trace};
use crate::policy::{Grant, Rule};
use crate::{Reason, SideEffect, Subject, Trust};

/// A grant that allows the call, and the trust its rule asks for.
pub(super) struct Allowing<'a> {
    grant: &'a Grant,
    asks: Trust,
}

impl<'a, T: Trace> Pass<'a, T> {
    /// Line 7: the grants that speak of the subject, disabled ones too.
    pub(super) fn matching(
        &mut self,
        subject: &Subject<'_>,
        call: &Call<'_>,
    ) -> Line<Vec<&'a Grant>> {
        let matching = self.policy.grants.of(subject);
        for grant in &matching {
            self.step(7, Check::GrantMatches, Some(&grant.id), Outcome::Pass);
        }
        if matching.is_empty() {
            self.step(7, Check::GrantMatches, None, Outcome::Fail);
            return Err(self.by_default(7, Reason::NoMatchingGrant, call));
        }
        Ok(matching)
    }

    /// Line 8: those in force, none of which has a rule that denies the tool.
    pub(super) fn none_denies(
        &mut self,
        mut grants: Vec<&'a Grant>,
        call: &Call<'_>,
    ) -> Line<Vec<&'a Grant>> {
        for grant in &grants {
            if grant.disabled {
                self.step(8, Check::GrantEnabled, Some(&grant.id), Outcome::Skip);
                continue;
            }
            let denies = call.tool.and_then(|tool| grant.rules.get(tool)) == Some(&Rule::Deny);
            self.step(8, Check::ToolNotDenied, Some(&grant.id), (!denies).into());
            if denies {
                self.attribute(grant);
                return Err(Verdict::deny(8, Reason::ToolDenied));
            }
        }
        grants.retain(|grant| !grant.disabled);
        Ok(grants)
    }

    /// Line 9: those that allow the tool. Rules don't speak of prompts and resources.
    pub(super) fn allowing(
        &mut self,
        grants: Vec<&'a Grant>,
        call: &Call<'_>,
    ) -> Line<Vec<Allowing<'a>>> {
        let mut allowing = Vec::with_capacity(grants.len());
        for grant in grants {
            let asks = match call.tool {
                Some(tool) if !grant.rules.is_empty() => match grant.rules.get(tool) {
                    Some(Rule::Allow(trust)) => Some(*trust),
                    Some(Rule::Deny) | None => None,
                },
                _ => Some(Trust::Low),
            };
            let allows = asks.is_some() && !grant.withdrawn;
            self.step(9, Check::ToolGranted, Some(&grant.id), allows.into());
            allowing.extend(asks.map(|asks| Allowing { grant, asks }));
        }
        if allowing.iter().all(|one| one.grant.withdrawn) {
            return Err(self.by_default(9, Reason::ToolNotGranted, call));
        }
        Ok(allowing)
    }

    /// Line 10: the side effect that the server declares.
    pub(super) fn declared(
        &mut self,
        allowing: &[Allowing<'a>],
        call: &Call<'_>,
    ) -> Line<SideEffect> {
        self.basis.required_trust = call.declared.then_some(call.required_trust);
        self.basis.required_side_effect = call.side_effect;
        if let Some(first) = allowing.iter().find(|one| !one.grant.withdrawn) {
            self.attribute(first.grant);
        }
        self.step(
            10,
            Check::SideEffectDeclared,
            None,
            call.side_effect.is_some().into(),
        );
        call.side_effect
            .ok_or(Verdict::deny(10, Reason::ToolSideEffectUnknown))
    }

    /// Line 11: those that list the side effect.
    pub(super) fn with_side_effect(
        &mut self,
        mut allowing: Vec<Allowing<'a>>,
        side_effect: SideEffect,
    ) -> Line<Vec<Allowing<'a>>> {
        for one in &allowing {
            let lists = one.grant.side_effects.contains(side_effect) && !one.grant.withdrawn;
            self.step(
                11,
                Check::SideEffectAllowed,
                Some(&one.grant.id),
                lists.into(),
            );
        }
        allowing.retain(|one| one.grant.side_effects.contains(side_effect));
        if allowing.iter().all(|one| one.grant.withdrawn) {
            return Err(Verdict::deny(11, Reason::SideEffectNotAllowed));
        }
        Ok(allowing)
    }

    /// Line 12: the trust they give, bounded by the session's consent, is what the tool and
    /// their rules ask for. The last grant to raise either is the decision's basis.
    pub(super) fn trusted(
        &mut self,
        allowing: &[Allowing<'a>],
        call: &Call<'_>,
        session: Live<'a>,
    ) -> Line<()> {
        let mut given: Option<Trust> = None;
        let mut required = call.required_trust;
        for one in allowing {
            let gives = (!one.grant.withdrawn).then_some(one.grant.max_trust);
            if gives > given || one.asks > required {
                self.attribute(one.grant);
            }
            given = given.max(gives);
            required = required.max(one.asks);
        }
        let given = given.unwrap_or_default();
        let consented = session.map(|session| session.consented_trust);
        let effective = consented.map_or(given, |consented| given.min(consented));
        self.basis.required_trust = Some(required);
        self.basis.admin_trust = Some(given);
        self.basis.consented_trust = consented;
        self.basis.effective_trust = Some(effective);
        let grant = self.basis.grant.clone();
        self.step(
            12,
            Check::TrustSuffices,
            grant.as_ref(),
            (effective >= required).into(),
        );
        if effective < required {
            return Err(Verdict::deny(12, Reason::TrustTooLow));
        }
        Ok(())
    }

    /// The default decision, where no grant says anything. Default allow is for what the
    /// server declares: with an inventory, a tool outside it stays closed.
    fn by_default(&mut self, line: u8, reason: Reason, call: &Call<'_>) -> Verdict {
        let allow = self.policy.default_allow();
        let unknown = !call.declared && self.policy.has_inventory();
        self.step(
            line,
            Check::DefaultDecision,
            None,
            (allow && !unknown).into(),
        );
        match (allow, unknown) {
            (false, _) => Verdict::deny(line, reason),
            (true, true) => Verdict::deny(line, Reason::ToolSideEffectUnknown),
            (true, false) => Verdict::allow(line, reason),
        }
    }

    fn attribute(&mut self, grant: &Grant) {
        self.basis.grant = Some(grant.id.clone());
        let version = grant
            .policy_version
            .as_ref()
            .or(self.policy.policy_version());
        self.basis.policy_version = version.cloned();
    }
}
