//! Decides who may call which tool, and says why in the same pass.
//! In: a [`Policy`] made from a [`Document`], a [`Request`] as it was read, and the time.
//! Out: a [`Decision`], or an explanation with the steps that led to it.
//! Called by: the proxy, `mcp-runtime access explain`, admission checks, and every test.
//! Knows nothing about: Kubernetes, HTTP, clocks, files, the environment.

#[cfg(feature = "corpus")]
pub mod corpus;
mod decide;
mod decision;
mod document;
mod event;
mod policy;
mod reason;
mod request;
mod trust;

pub use decide::{Check, Explanation, Outcome, Step, decide, explain};
pub use decision::{Basis, Decision, Effect, ItemId};
pub use document::{
    Auth, Document, DocumentError, Grant, Limits, Parsed, PolicySection, Prompt, RateLimit,
    ReadShard, Resource, RevokedSession, SESSION_SHARDS, Server, Session, SessionSection,
    SessionShard, ShardFault, Tool, ToolRule, no_shards, pack_shard, read_shard, shard_file,
};
pub use event::{Event, Payload};
pub use policy::{AuthMode, AuthSettings, Policy, PolicyError, parse_duration};
pub use reason::Reason;
pub use request::{Request, Subject};
pub use trust::{SideEffect, Trust};
