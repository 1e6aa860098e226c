//! What every long-running role needs: logging, readiness, an admin listener, a way to end.
//! In: command-line arguments.  Out: a subscriber, a router, a future that ends on SIGTERM.
//! Called by: the webhook, the operator, the proxy.
//! Knows nothing about: Kubernetes, MCP, any type of the domain.

mod admin;
mod connections;
mod log;
mod readiness;
mod shutdown;

pub use admin::{AdminError, Health, Metrics, health_router, metrics_router, serve, serve_on};
pub use log::{LogArgs, LogError, LogFormat, LogGuard};
pub use readiness::{Gate, Readiness};
pub use shutdown::{ShutdownError, requested};
