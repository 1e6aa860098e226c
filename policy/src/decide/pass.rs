//! One pass over the decision table. The first line that applies decides.

use jiff::Timestamp;

use super::trace::{Check, Outcome, Trace};
use crate::policy::{AuthMode, Governance, Session};
use crate::{Basis, Decision, Effect, ItemId, Policy, Reason, Request, SideEffect, Subject, Trust};

/// What a line leaves to the next one, or the verdict that ends the pass.
pub(super) type Line<T> = Result<T, Verdict>;

/// How a pass ended.
pub(super) struct Verdict {
    line: u8,
    effect: Effect,
    reason: Reason,
}

impl Verdict {
    pub(super) const fn deny(line: u8, reason: Reason) -> Self {
        Self {
            line,
            effect: Effect::Deny,
            reason,
        }
    }

    pub(super) const fn allow(line: u8, reason: Reason) -> Self {
        Self {
            line,
            effect: Effect::Allow,
            reason,
        }
    }
}

/// What is asked for, once it is known that the policy speaks of it.
pub(super) struct Call<'a> {
    /// The tool's name; absent for prompts and resources, which rules don't speak of.
    pub(super) tool: Option<&'a str>,
    /// Whether the server's inventory has it (prompts and resources need no entry).
    pub(super) declared: bool,
    pub(super) required_trust: Trust,
    pub(super) side_effect: Option<SideEffect>,
}

pub(super) struct Pass<'a, T> {
    pub(super) policy: &'a Policy,
    pub(super) request: &'a Request<'a>,
    pub(super) now: Timestamp,
    pub(super) basis: Basis,
    trace: &'a mut T,
}

/// Decides, telling `trace` each step.
pub(super) fn evaluate<T: Trace>(
    policy: Option<&Policy>,
    request: &Request<'_>,
    now: Timestamp,
    trace: &mut T,
) -> Decision {
    trace.step(1, Check::PolicyLoaded, None, policy.is_some().into());
    let Some(policy) = policy else {
        let reason = Reason::PolicyUnavailable;
        return Decision {
            reason,
            line: Some(1),
            status: reason.status(),
            ..Decision::default()
        };
    };
    let basis = Basis {
        policy_version: policy.policy_version().cloned(),
        policy_revision: Some(policy.revision().clone()),
        ..Basis::default()
    };
    let mut pass = Pass {
        policy,
        request,
        now,
        basis,
        trace,
    };
    let (Ok(verdict) | Err(verdict)) = pass.lines();
    pass.decision(verdict)
}

impl<'a, T: Trace> Pass<'a, T> {
    /// Lines 2 to 13 of the table, in their order.
    fn lines(&mut self) -> Line<Verdict> {
        let subject = self.authenticated()?;
        self.readable()?;
        let session = self.presented()?;
        let session = self.live(session, &subject)?;
        let call = self.governed()?;
        let matching = self.matching(&subject, &call)?;
        let speaking = self.none_denies(matching, &call)?;
        let allowing = self.allowing(speaking, &call)?;
        let side_effect = self.declared(&allowing, &call)?;
        let allowing = self.with_side_effect(allowing, side_effect)?;
        self.trusted(&allowing, &call, session)?;
        self.step(13, Check::Allowed, None, Outcome::Pass);
        Ok(Verdict::allow(13, Reason::Allowed))
    }

    /// Line 2: who it is. In mode `none` everybody is anonymous, whatever they say.
    fn authenticated(&mut self) -> Line<Subject<'a>> {
        let mode = &self.policy.auth().mode;
        self.step(
            2,
            Check::AuthModeImplemented,
            None,
            mode.is_implemented().into(),
        );
        if !mode.is_implemented() {
            return Err(Verdict::deny(2, Reason::AuthModeUnsupported));
        }
        let subject = match self.request.subject {
            _ if *mode == AuthMode::None => Ok(Subject {
                human: "anonymous",
                ..Subject::default()
            }),
            Ok(subject) if subject == Subject::default() => Err(Reason::MissingIdentity),
            Err(reason) if !reason.is_authentication() => Err(Reason::MissingIdentity),
            subject => subject,
        };
        self.step(2, Check::Authenticated, None, subject.is_ok().into());
        subject.map_err(|reason| Verdict::deny(2, reason))
    }

    /// Line 3: the message was read one way only.
    fn readable(&mut self) -> Line<()> {
        let failure = self.request.inspection_failure;
        self.step(3, Check::MessageReadable, None, failure.is_none().into());
        match failure {
            None => Ok(()),
            Some(reason) if reason.is_inspection() => Err(Verdict::deny(3, reason)),
            Some(_) => Err(Verdict::deny(3, Reason::RpcInspectionFailed)),
        }
    }

    /// Line 6: what it asks for, where the policy speaks of it.
    fn governed(&mut self) -> Line<Call<'a>> {
        let name = self.request.name.unwrap_or_default();
        let governance = match self.request.method {
            Some(method) => self.policy.governance(method, name),
            None => Governance::Free,
        };
        let outcome = match governance {
            Governance::Free => Outcome::Skip,
            Governance::Denied => Outcome::Fail,
            Governance::Tool(_) | Governance::Item(_) => Outcome::Pass,
        };
        self.step(6, Check::MethodGoverned, None, outcome);
        match governance {
            Governance::Free => Err(Verdict::allow(6, Reason::Allowed)),
            Governance::Denied => Err(Verdict::deny(6, Reason::MethodNotGoverned)),
            Governance::Tool(tool) => {
                self.basis.risk_level = tool.and_then(|tool| tool.risk_level.clone());
                Ok(Call {
                    tool: Some(name),
                    declared: tool.is_some(),
                    required_trust: tool.map_or(Trust::Low, |tool| tool.required_trust),
                    side_effect: tool.and_then(|tool| tool.side_effect),
                })
            }
            Governance::Item(needs) => Ok(Call {
                tool: None,
                declared: true,
                required_trust: needs.required_trust,
                side_effect: Some(needs.side_effect),
            }),
        }
    }

    pub(super) fn step(&mut self, line: u8, check: Check, item: Option<&ItemId>, result: Outcome) {
        self.trace.step(line, check, item, result);
    }

    fn decision(self, verdict: Verdict) -> Decision {
        let Verdict {
            line,
            effect,
            reason,
        } = verdict;
        let denied = effect == Effect::Deny;
        Decision {
            effect,
            enforced: !denied || self.enforces(line),
            reason,
            line: Some(line),
            status: reason
                .status()
                .filter(|_| denied)
                .map(|status| self.status(line, status)),
            basis: self.basis,
        }
    }

    /// Whether a denial by a line is carried out: in observe mode only where there is no
    /// identity, no message or no session to observe with.
    fn enforces(&self, line: u8) -> bool {
        match line {
            1..=3 => true,
            4 | 5 => !self.policy.observes() || self.policy.requires_session(),
            _ => !self.policy.observes(),
        }
    }

    fn status(&self, line: u8, status: u16) -> u16 {
        let session = matches!(line, 4 | 5);
        if session && self.policy.auth().mode.session_denials_are_forbidden() {
            403
        } else {
            status
        }
    }
}

/// The session a pass goes on with.
pub(super) type Live<'a> = Option<&'a Session>;
