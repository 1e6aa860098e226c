//! Rules about the container and the rollout.

use serde_json::Value;

use super::{Reason, Rule, number, text, unless};
use crate::{quantity::Quantity, text as shape};

macro_rules! request_within_limit {
    ($what:literal) => {
        concat!(
            "!has(self.requests) || !has(self.limits) || !has(self.requests.",
            $what,
            ") || !has(self.limits.",
            $what,
            ") || !isQuantity(self.requests.",
            $what,
            ") || !isQuantity(self.limits.",
            $what,
            ") || quantity(self.requests.",
            $what,
            ").compareTo(quantity(self.limits.",
            $what,
            ")) <= 0"
        )
    };
}

const RESOURCES: &[&str] = &["spec.resources", "spec.gateway.resources"];

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "quantity_invalid",
        nodes: &[
            "spec.resources.limits.cpu",
            "spec.resources.limits.memory",
            "spec.resources.requests.cpu",
            "spec.resources.requests.memory",
            "spec.gateway.resources.limits.cpu",
            "spec.gateway.resources.limits.memory",
            "spec.gateway.resources.requests.cpu",
            "spec.gateway.resources.requests.memory",
        ],
        field: "",
        cel: Some(
            "self == '' || \
             self.matches('^[0-9]+([.][0-9]+)?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?[0-9]{1,2})?$')",
        ),
        breach: |node| unless(node, |text| Quantity::parse(text).is_some()),
        message: "that isn't a quantity",
        remedy: "write a number with a unit, such as 250m of CPU or 128Mi of memory",
        reason: Reason::Invalid,
    },
    Rule {
        code: "request_over_limit",
        nodes: RESOURCES,
        field: ".requests.cpu",
        cel: Some(request_within_limit!("cpu")),
        breach: |node| over_limit(node, "/requests/cpu", "/limits/cpu"),
        message: "more CPU is reserved than the limit allows",
        remedy: "write a request up to the limit, or a higher limit",
        reason: Reason::Invalid,
    },
    Rule {
        code: "request_over_limit",
        nodes: RESOURCES,
        field: ".requests.memory",
        cel: Some(request_within_limit!("memory")),
        breach: |node| over_limit(node, "/requests/memory", "/limits/memory"),
        message: "more memory is reserved than the limit allows",
        remedy: "write a request up to the limit, or a higher limit",
        reason: Reason::Invalid,
    },
    Rule {
        code: "canary_replicas_required",
        nodes: &["spec.rollout"],
        field: ".canaryReplicas",
        cel: Some(
            "!has(self.strategy) || self.strategy != 'Canary' || (has(self.canaryReplicas) && self.canaryReplicas > 0)",
        ),
        breach: |rollout| {
            let replicas = number(rollout, "/canaryReplicas");
            let breach = text(rollout, "/strategy") == "Canary"
                && replicas.is_none_or(|replicas| replicas < 1);
            breach.then(|| {
                replicas
                    .map(|replicas| replicas.to_string())
                    .unwrap_or_default()
            })
        },
        message: "strategy Canary needs to know how many replicas are the canary's",
        remedy: "write spec.rollout.canaryReplicas of at least 1",
        reason: Reason::Required,
    },
    Rule {
        code: "amount_invalid",
        nodes: &["spec.rollout.maxUnavailable"],
        field: "",
        cel: Some("self.matches('^([0-9]{1,9}|0*(100|[0-9]{1,2})%)?$')"),
        breach: |node| unless(node, |text| shape::is_amount(text, 100)),
        message: "that is neither a number of pods nor a percentage up to 100%",
        remedy: "write a number such as \"1\", or a percentage such as 25%",
        reason: Reason::Invalid,
    },
    Rule {
        code: "amount_invalid",
        nodes: &["spec.rollout.maxSurge"],
        field: "",
        cel: Some("self.matches('^([0-9]{1,9}|0*[0-9]{1,4}%)?$')"),
        breach: |node| unless(node, |text| shape::is_amount(text, 9999)),
        message: "that is neither a number of pods nor a percentage",
        remedy: "write a number such as \"1\", or a percentage such as 25%",
        reason: Reason::Invalid,
    },
    Rule {
        code: "rollout_stuck",
        nodes: &["spec.rollout"],
        field: ".maxSurge",
        cel: Some(
            "(has(self.strategy) && self.strategy == 'Recreate') || !has(self.maxUnavailable) || !has(self.maxSurge) || \
             !self.maxUnavailable.matches('^0+%?$') || !self.maxSurge.matches('^0+%?$')",
        ),
        breach: |rollout| {
            let stuck = text(rollout, "/strategy") != "Recreate"
                && shape::is_nought(text(rollout, "/maxUnavailable"))
                && shape::is_nought(text(rollout, "/maxSurge"));
            stuck.then(|| text(rollout, "/maxSurge").to_owned())
        },
        message: "with maxUnavailable and maxSurge both 0 no pod could ever be replaced",
        remedy: "write at least 1 for one of them",
        reason: Reason::Invalid,
    },
    Rule {
        code: "env_name_invalid",
        nodes: &["spec.envVars[].name", "spec.secretEnvVars[].name"],
        field: "",
        cel: Some(
            "self == '' || (self.matches('^[-._a-zA-Z][-._a-zA-Z0-9]*$') && self != '.' && !self.startsWith('..'))",
        ),
        breach: |node| unless(node, shape::is_env_name),
        message: "that isn't the name of an environment variable",
        remedy: "write letters, digits, '_', '-' and '.', no digit first, such as LOG_LEVEL",
        reason: Reason::Invalid,
    },
    Rule {
        code: "env_duplicate",
        nodes: &["spec.envVars", "spec.secretEnvVars"],
        field: "",
        cel: Some("self.all(x, self.exists_one(y, y.name == x.name))"),
        breach: repeated,
        message: "a variable is there twice",
        remedy: "write each variable once",
        reason: Reason::Invalid,
    },
];

fn over_limit(node: &Value, request: &str, limit: &str) -> Option<String> {
    let request = text(node, request);
    let over = Quantity::parse(request)? > Quantity::parse(text(node, limit))?;
    over.then(|| request.to_owned())
}

/// The first name that stands twice in a list.
fn repeated(list: &Value) -> Option<String> {
    let names: Vec<&str> = list
        .as_array()?
        .iter()
        .map(|item| text(item, "/name"))
        .collect();
    let mut seen = std::collections::HashSet::new();
    names
        .into_iter()
        .find(|name| !seen.insert(*name))
        .map(str::to_owned)
}
