//! The decision table, line by line: decided and explained by the same pass.

mod grants;
mod pass;
mod session;
mod trace;

use jiff::Timestamp;

use crate::{Decision, Policy, Request};
use trace::Silent;

pub use trace::{Check, Outcome, Step};

/// A decision and the steps that led to it, in the order they were taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What [`decide`] answers.
    pub decision: Decision,
    /// From line 1 to the line that decided.
    pub steps: Vec<Step>,
}

/// Decides one exchange. `policy` is `None` while no valid document was loaded.
pub fn decide(policy: Option<&Policy>, request: &Request<'_>, now: Timestamp) -> Decision {
    pass::evaluate(policy, request, now, &mut Silent)
}

/// Decides one exchange and says how.
pub fn explain(policy: Option<&Policy>, request: &Request<'_>, now: Timestamp) -> Explanation {
    let mut steps = Vec::new();
    let decision = pass::evaluate(policy, request, now, &mut steps);
    Explanation { decision, steps }
}
