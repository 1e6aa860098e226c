//! The three resources: parse, default, validate, and compile to a policy document.
//! In: objects as applied, the platform's [`Settings`].  Out: a valid server or what is wrong with it.
//! Called by: the webhook, the operator, the injector, the commands.
//! Knows nothing about: a Kubernetes client, tokio, HTTP.

pub mod names;
mod settings;

pub use settings::{IngressReadiness, Settings};
