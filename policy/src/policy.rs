//! A document that was read and found whole, indexed for decisions.

/// A valid policy, indexed by subject and session.
#[derive(Debug)]
pub struct Policy {}
