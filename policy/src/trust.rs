//! The two small vocabularies that every rule speaks: trust and side effects.

use serde::{Deserialize, Serialize};

/// How far a subject or a consent is trusted: `low` < `medium` < `high`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// The least, and what an absent value means.
    #[default]
    Low,
    /// Between the two.
    Medium,
    /// The most.
    High,
}

impl Trust {
    /// The word used in documents, events, conditions and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What calling a tool may do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SideEffect {
    /// Nothing changes.
    Read,
    /// Something is created or changed.
    Write,
    /// Something is lost.
    Destructive,
}

impl SideEffect {
    /// The word used in documents, events, conditions and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }
}

impl std::fmt::Display for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Display for SideEffect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
