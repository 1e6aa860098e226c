//! Turns each MCPServer into the objects it stands for, and each change of access into a policy
//! that its proxies run within a second.
//! In: what its watches see.  Out: server-side applies, one annotation on pods, statuses.
//! Called by: `mcp-runtime operator`.
//! Knows nothing about: the sidecar's shape, admission requests, the path of a call.

mod about;
mod apply;
mod args;
mod build;
mod caches;
mod chain;
mod change;
mod clerk;
mod context;
mod delivery;
mod drift;
mod events;
mod fence;
mod fetch;
mod gather;
#[cfg(test)]
mod golden;
mod images;
mod index;
mod injectors;
mod key;
mod lease;
mod metrics;
mod nudge;
mod pods;
mod progress;
mod publish;
mod queue;
mod reconcile;
mod render;
mod report;
mod roll_again;
mod run;
mod settings;
mod standby;
mod switch;
mod tls;
mod upgrade;
mod watching;
mod work;
mod writes;

pub use args::Args;
pub use run::run;
