//! Governed pods whose server can't be had: said alike by whoever looks servers up.

use crds::{Problems, names};

use crate::code::{Code, Denial};

fn field() -> String {
    format!("metadata.labels[{}]", names::LABEL_SERVER)
}

/// The pod names no server.
pub fn server_unnamed() -> Denial {
    Denial::new(
        Code::ServerNotFound,
        field(),
        format!(
            "missing, while {} is {}",
            names::LABEL_GATEWAY,
            names::GATEWAY_REQUIRED
        ),
        format!(
            "name the MCPServer in it, or leave {} out",
            names::LABEL_GATEWAY
        ),
    )
}

/// The namespace has no server of the name.
pub fn server_not_found(namespace: &str, name: &str) -> Denial {
    Denial::new(
        Code::ServerNotFound,
        field(),
        format!("{name:?}: there is no MCPServer of this name in namespace {namespace}"),
        "apply the MCPServer first, or correct the label",
    )
}

/// The server's spec says nothing that a proxy could be made for.
pub fn server_invalid(name: &str, problems: &Problems) -> Denial {
    Denial::new(
        Code::InvalidServer,
        field(),
        format!("MCPServer {name} is invalid: {problems}"),
        "correct the MCPServer",
    )
}
