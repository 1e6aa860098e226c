//! The crate from outside: definitions, examples, invalid manifests, documents.

mod compiling;
mod defaults;
mod definitions;
mod examples;
mod files;
mod invalid;
