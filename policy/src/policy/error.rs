//! Why a document that could be read isn't a policy.

use crate::ShardFault;

/// What is wrong with a document; each names the member or item and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Written for another reader.
    #[error("schema_version is {0:?}, not \"v1\"")]
    SchemaVersion(String),
    /// The content was changed after the revision was stamped.
    #[error("revision is {found}, but the content's is {computed}")]
    Revision {
        /// As written.
        found: String,
        /// As computed.
        computed: String,
    },
    /// It has members that this version doesn't know, which may restrict what it can't see.
    #[error("unknown_member: {}", .0.join(", "))]
    UnknownMembers(Vec<String>),
    /// A member that must have a value has none.
    #[error("{path} is missing")]
    Missing {
        /// As in `grants[team-a/g1].tool_rules[0].name`.
        path: String,
    },
    /// A value outside its vocabulary.
    #[error("{path} is {value:?}, not {expected}")]
    Value {
        /// As in `grants[team-a/g1].max_trust`.
        path: String,
        /// As written.
        value: String,
        /// What could stand there.
        expected: &'static str,
    },
    /// A session shard isn't as the document lists it. The rest of the document is valid.
    #[error("session shard {name} {fault}")]
    Shard {
        /// As in `sessions-0.ndjson.gz`.
        name: String,
        /// What is wrong with it.
        fault: ShardFault,
    },
    /// Two items with one identity.
    #[error("{path} is there twice")]
    Twice {
        /// As in `sessions[team-a/s1]`.
        path: String,
    },
}
