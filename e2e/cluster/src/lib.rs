//! e2e/cluster
