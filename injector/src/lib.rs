//! A pod in, a patch out, or the reason not to.
//! In: a pod as raw JSON, the server its label names, the platform's settings.
//! Out: an [`Injection`]: operations that only add, or a [`Denial`] a person can act on.
//! Called by: the webhook's `/inject`; [`intact`] also gives the admission policy its clauses.
//! Knows nothing about: HTTP, AdmissionReview, a Kubernetes client.
//!
//! The pod stays raw JSON from end to end. A typed pod would drop every field newer than our
//! types, and the API server would take our patch for the wish to remove it.

mod amounts;
mod belongs;
mod code;
mod conflict;
mod drain;
mod inject;
pub mod intact;
mod json;
mod ops;
mod prove;
mod quantity;
mod repair;
mod resources;
mod shape;
mod sidecar;
mod uninject;
mod unserved;
mod volume;

pub use amounts::{AMOUNT_ANNOTATIONS, AmountAnnotation};
pub use belongs::{Owners, belongs, deployment_of, replica_set_of};
pub use code::{Code, Denial};
pub use inject::{Fault, Injection, inject};
pub use json::{is_governed, server_label};
pub use uninject::{UninjectError, uninject};
pub use unserved::{server_invalid, server_not_found, server_unnamed};
