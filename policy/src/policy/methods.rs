//! Which methods the policy speaks of, and what each asks for.

use super::{Needs, Policy, Tool};
use crate::{SideEffect, Trust};

/// What a method means to the policy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Governance<'p> {
    /// Passes without a grant.
    Free,
    /// A call of a tool, declared or not.
    Tool(Option<&'p Tool>),
    /// A prompt or resource.
    Item(Needs),
    /// Denied: of no MCP revision, or not decided by this version.
    Denied,
}

/// A prompt or resource that the inventory says nothing of.
const PLAIN: Needs = Needs {
    required_trust: Trust::Low,
    side_effect: SideEffect::Read,
};

impl Policy {
    /// Whether the policy decides on a method, instead of letting it pass.
    pub fn governs(&self, method: &str) -> bool {
        !matches!(self.governance(method, ""), Governance::Free)
    }

    pub(crate) fn governance(&self, method: &str, name: &str) -> Governance<'_> {
        match method {
            "tools/call" | "call_tool" => Governance::Tool(self.tool(name)),
            _ if !self.governs_all => Governance::Free,
            "prompts/get" => Governance::Item(self.prompt(name)),
            "resources/read" | "resources/subscribe" => Governance::Item(self.resource(name)),
            // Its `params.ref` is a prompt's name or a resource's URI; what is declared for
            // either holds.
            "completion/complete" => Governance::Item(Needs {
                required_trust: self
                    .prompt(name)
                    .required_trust
                    .max(self.resource(name).required_trust),
                side_effect: self
                    .prompt(name)
                    .side_effect
                    .max(self.resource(name).side_effect),
            }),
            _ if FREE.contains(&method) => Governance::Free,
            // Tasks are their creator's, which this decision can't know: until the proxy
            // does, they aren't anybody's.
            _ => Governance::Denied,
        }
    }

    fn prompt(&self, name: &str) -> Needs {
        self.prompts.get(name).copied().unwrap_or(PLAIN)
    }

    fn resource(&self, uri: &str) -> Needs {
        self.resources.get(uri).copied().unwrap_or(PLAIN)
    }
}

/// What a client may send in some MCP revision that touches no tool, prompt or resource,
/// or only takes away; lists are filtered, not decided.
const FREE: &[&str] = &[
    "initialize",
    "ping",
    "server/discover",
    "subscriptions/listen",
    "logging/setLevel",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/unsubscribe",
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
];
