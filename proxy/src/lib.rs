//! The sidecar in front of one MCP server: inspect, identify, authorize, forward, audit.
//! In: HTTP requests, a policy document in a file.
//! Out: the server's answers or denials, and an audit event for each exchange.
//! Called by: MCP clients; `mcp-proxy` on the command line.
//! Knows nothing about: Kubernetes, resources, who wrote the document.
//!
//! `pipeline.rs` has the order of the stages.

mod admin;
mod answer;
mod audit;
mod authorize;
mod batch;
mod body;
mod command;
mod config;
mod drain;
mod forward;
mod identify;
mod inspect;
mod metrics;
mod pipeline;
mod policy_source;
mod proxy;
mod rules;
mod server;
mod session_idle;
#[cfg(test)]
mod test_rules;
mod text;

pub use audit::Origin;
pub use command::{Cli, run};
pub use config::Config;
pub use forward::{Upstream, UpstreamError};
pub use policy_source::Gaps;
pub use proxy::Clock;
pub use server::{Server, ServerError};

use authorize::{Verdict, authorize};
use body::Body;
use identify::{Caller, identify};
use proxy::Proxy;
use rules::Rules;
use text::Text;

/// An error with everything that caused it, outermost first.
fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
