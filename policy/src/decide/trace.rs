//! What a pass can leave behind of its way: steps, or nothing at no cost.

use serde::{Serialize, Serializer};

use crate::ItemId;

/// One question of the decision table and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The table's line, 1–13.
    pub line: u8,
    /// What was asked.
    pub check: Check,
    /// Of which grant or session, where it was one; written `namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub item: Option<ItemId>,
    /// The answer.
    pub result: Outcome,
}

fn as_text<S: Serializer>(item: &Option<ItemId>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&item.as_ref().map(ItemId::to_string).unwrap_or_default())
}

/// The questions, in the order of their lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// 1: is there a valid policy?
    PolicyLoaded,
    /// 2: can this version authenticate the way the policy asks for?
    AuthModeImplemented,
    /// 2: is there a subject?
    Authenticated,
    /// 3: can the message be read one way only?
    MessageReadable,
    /// 4: is a session presented, where one is required?
    SessionPresented,
    /// 5: is it known, and the subject's?
    SessionFound,
    /// 5: is it unrevoked?
    SessionNotRevoked,
    /// 5: is it within its times?
    SessionNotExpired,
    /// 6: does the policy speak of this method? `skip` where it doesn't and all passes.
    MethodGoverned,
    /// 7: does a grant speak of this subject?
    GrantMatches,
    /// 7, 9: what does the policy say where no grant does?
    DefaultDecision,
    /// 8: is the grant in force? `skip` where it is disabled.
    GrantEnabled,
    /// 8: is the grant free of a rule that denies the tool?
    ToolNotDenied,
    /// 9: does the grant allow the tool?
    ToolGranted,
    /// 10: does the server declare the tool's side effect?
    SideEffectDeclared,
    /// 11: does the grant list the side effect?
    SideEffectAllowed,
    /// 12: is the effective trust enough?
    TrustSuffices,
    /// 13: nothing stood against it.
    Allowed,
}

impl Check {
    /// The word used in documents and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PolicyLoaded => "policy_loaded",
            Self::AuthModeImplemented => "auth_mode_implemented",
            Self::Authenticated => "authenticated",
            Self::MessageReadable => "message_readable",
            Self::SessionPresented => "session_presented",
            Self::SessionFound => "session_found",
            Self::SessionNotRevoked => "session_not_revoked",
            Self::SessionNotExpired => "session_not_expired",
            Self::MethodGoverned => "method_governed",
            Self::GrantMatches => "grant_matches",
            Self::DefaultDecision => "default_decision",
            Self::GrantEnabled => "grant_enabled",
            Self::ToolNotDenied => "tool_not_denied",
            Self::ToolGranted => "tool_granted",
            Self::SideEffectDeclared => "side_effect_declared",
            Self::SideEffectAllowed => "side_effect_allowed",
            Self::TrustSuffices => "trust_suffices",
            Self::Allowed => "allowed",
        }
    }
}

/// The answer to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Yes.
    Pass,
    /// No.
    Fail,
    /// The question doesn't arise here.
    Skip,
}

impl Outcome {
    /// The word used in documents and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

impl From<bool> for Outcome {
    fn from(yes: bool) -> Self {
        if yes { Self::Pass } else { Self::Fail }
    }
}

/// Takes note of the steps of a pass.
pub(super) trait Trace {
    fn step(&mut self, line: u8, check: Check, item: Option<&ItemId>, result: Outcome);
}

/// Takes no note.
pub(super) struct Silent;

impl Trace for Silent {
    #[inline]
    fn step(&mut self, _: u8, _: Check, _: Option<&ItemId>, _: Outcome) {}
}

impl Trace for Vec<Step> {
    fn step(&mut self, line: u8, check: Check, item: Option<&ItemId>, result: Outcome) {
        self.push(Step {
            line,
            check,
            item: item.cloned(),
            result,
        });
    }
}
