//! The admission server: `/default`, `/validate`, `/inject`.
//! In: AdmissionReview v1 from the API server, servers from a watch or from files, settings from
//! a file, a certificate from a Secret or from files.
//! Out: answers; the objects that tell the API server to ask ([`admission_objects`]).
//! Called by: `mcp-runtime webhook`, `mcp-runtime setup`.
//! Knows nothing about: reconciling. What is decided is decided in `crds` and `injector`.

mod args;
mod certificate;
mod cluster;
mod connection;
mod deadline;
mod default;
mod events;
mod failure;
mod files;
mod inject;
mod injects;
mod load;
mod metrics;
mod objects;
mod outcome;
mod owned;
mod parsed;
mod pulse;
mod review;
mod router;
mod run;
mod seen;
mod server;
mod settings;
mod validate;

pub use args::Args;
pub use cluster::{Cluster, ClusterError};
pub use events::Events;
pub use files::{Files, FilesError, manifest_files};
pub use metrics::Metrics;
pub use objects::{
    AdmissionObject, Endpoint, Standing, State, admission_objects, standings, switch_off,
};
pub use outcome::Outcome;
pub use review::{Answer, Request, ReviewError};
pub use router::{App, router};
pub use run::run;
pub use server::{Departure, serve};
pub use settings::{SettingsError, SettingsFile};
