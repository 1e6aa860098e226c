//! The webhook's trust: a CA of our own, leaves under it, and a switch from one to the next
//! that no connection notices.
//! In: names, PEM texts, the time.  Out: PEM texts, and a resolver that rustls asks for the
//! certificate of each new connection.
//! Called by: the webhook (serves), the operator (issues), the proxy (serves).
//! Knows nothing about: Kubernetes. Whoever keeps the PEM texts, in Secrets or files, does it elsewhere.

pub mod bundle;
mod issue;
mod live;
mod trust;
mod validity;

pub use issue::{
    CA_DAYS, IssueError, Issued, LEAF_DAYS, check_ca, issue_ca, issue_leaf, service_names,
};
pub use live::{LiveCertificate, LoadError, server_config};
pub use trust::{TrustError, verify};
pub use validity::{ReadError, Validity};
