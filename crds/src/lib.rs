//! The three resources: parse, default, validate, and compile to a policy document.
//! In: objects as applied, the platform's [`Settings`].  Out: a valid server or what is wrong with it.
//! Called by: the webhook, the operator, the injector, the commands.
//! Knows nothing about: a Kubernetes client, tokio, HTTP.

mod bounds;
mod cel;
mod compile;
mod conditions;
mod default;
#[cfg(any(test, feature = "generate"))]
pub mod generate;
pub mod grant;
mod image;
mod injection;
mod manifest;
pub mod names;
mod nodes;
mod parse;
pub mod parsed;
mod problem;
mod quantity;
mod routes;
mod rules;
mod schema;
pub mod server;
pub mod session;
mod set;
mod settings;
mod text;
mod warnings;
pub mod words;

pub use cel::{cel_list, read_cel_list};
pub use compile::{Compiled, ItemReason, ItemState, compile};
pub use conditions::{ConditionType, Conditions, Truth};
pub use default::{default, fill};
pub use grant::{MCPAccessGrant, MCPAccessGrantSpec, MCPAccessGrantStatus};
pub use injection::{InjectionInputs, injected, injection_inputs, platform_inputs};
pub use manifest::{Add, Kind, Manifest, read};
pub use parse::{parse, parse_grant, parse_session, parse_spec};
pub use parsed::{Gateway, Grant, Server, Session};
pub use problem::{Problem, Problems, Warning};
pub use quantity::Quantity;
pub use routes::{RESOURCE_METADATA, Route, Routes, route_owner};
pub use rules::LOOPBACK_URL;
pub use schema::crds;
pub use server::{MCPServer, MCPServerSpec, MCPServerStatus};
pub use session::{MCPAgentSession, MCPAgentSessionSpec, MCPAgentSessionStatus};
pub use set::{Judgement, Set};
pub use settings::{IngressReadiness, Settings, WebhookTls};
pub use text::is_loopback_url;
pub use warnings::{
    Lookup, WarningCode, deleted_with_grants, grant_warnings, session_warnings, warnings,
};
