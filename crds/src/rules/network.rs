//! Rules about who may call the pods, and whom they may call.

use super::{Reason, Rule, unless};
use crate::text as shape;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "namespace_invalid",
        nodes: &[
            "spec.gateway.allowFrom[]",
            "spec.gateway.monitoringNamespaces[]",
            "spec.egress[].namespaces[]",
        ],
        field: "",
        cel: Some("self == '' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')"),
        breach: |node| unless(node, shape::is_label),
        message: "that can't be the name of a namespace",
        remedy: "write a name as kubectl get namespaces shows it",
        reason: Reason::Invalid,
    },
    Rule {
        code: "cidr_invalid",
        nodes: &["spec.egress[].cidrs[]"],
        field: "",
        cel: Some("self == '' || isCIDR(self)"),
        breach: |node| unless(node, shape::is_cidr),
        message: "that isn't a network",
        remedy: "write an address and the length of its prefix, such as 203.0.113.0/24, or 203.0.113.7/32 for one host",
        reason: Reason::Invalid,
    },
];
