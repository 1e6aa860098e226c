//! README.md, its neighbours and `docs/`: what they show is run, what they link to is there, what
//! they list is all there is.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a page that is wrong is said to be, with the place"
)]

mod amounts;
mod commands;
mod errors;
mod failures;
mod links;
mod manifests;
mod markdown;
mod practices;
mod proxy;
mod sessions;
mod settings;
