//! The decision against its corpus and its properties.

mod corpus;
mod neighbours;
