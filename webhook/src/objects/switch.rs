//! Taking `/default` and `/validate` out of the API server's way for a while.
//!
//! A match condition that never holds keeps the API server from calling a webhook. It is applied
//! by a field manager of its own to the list that `setup` made, so that nothing of the webhook has
//! to be remembered: who applies nothing as that manager has undone it.

use crds::names;
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use serde_json::{Value, json};

/// Something the API server asks us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// Puts the proxy into pods. There is no way to turn it off.
    Inject,
    /// Fills in defaults.
    Default,
    /// Refuses what can't work.
    Validate,
}

impl Endpoint {
    /// All of them, in the order of an object's life.
    pub const ALL: [Self; 3] = [Self::Inject, Self::Default, Self::Validate];

    /// As people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inject => "inject",
            Self::Default => "default",
            Self::Validate => "validate",
        }
    }

    /// The webhook's name.
    fn webhook(self) -> String {
        format!("{}.{}", self.as_str(), names::GROUP)
    }
}

/// Whether the API server asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It does.
    On,
    /// It was told not to.
    Off,
    /// It doesn't know of the endpoint: the platform isn't installed.
    Missing,
}

/// One endpoint and whether it is asked.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Standing {
    /// Which.
    pub endpoint: Endpoint,
    /// Whether.
    pub state: State,
    /// When it is asked again (RFC 3339), as the annotation says; for those that are off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// How things stand, from both configurations as the cluster has them.
pub fn standings(
    mutating: Option<&MutatingWebhookConfiguration>,
    validating: Option<&ValidatingWebhookConfiguration>,
) -> Vec<Standing> {
    let mutating_hooks = mutating
        .iter()
        .flat_map(|found| found.webhooks.iter().flatten());
    let validating_hooks = validating
        .iter()
        .flat_map(|found| found.webhooks.iter().flatten());
    let conditions: Vec<(&str, &[MatchCondition])> = mutating_hooks
        .map(|hook| {
            (
                hook.name.as_str(),
                hook.match_conditions.as_deref().unwrap_or_default(),
            )
        })
        .chain(validating_hooks.map(|hook| {
            (
                hook.name.as_str(),
                hook.match_conditions.as_deref().unwrap_or_default(),
            )
        }))
        .collect();
    let metadata = [
        mutating.map(|found| &found.metadata),
        validating.map(|found| &found.metadata),
    ];
    let until = metadata.into_iter().flatten().find_map(|metadata| {
        let annotations = metadata.annotations.as_ref()?;
        annotations.get(names::ANNOTATION_DISABLED_UNTIL).cloned()
    });
    let standing = |endpoint: Endpoint| {
        let webhook = endpoint.webhook();
        let found = conditions.iter().find(|(name, _)| *name == webhook);
        let is_off = |condition: &MatchCondition| condition.name == names::ADMISSION_OFF_CONDITION;
        let state = match found {
            None => State::Missing,
            Some((_, conditions)) if conditions.iter().any(is_off) => State::Off,
            Some(_) => State::On,
        };
        let until = until.clone().filter(|_| state == State::Off);
        Standing {
            endpoint,
            state,
            until,
        }
    };
    Endpoint::ALL.map(standing).into()
}

/// What to apply as [`names::ADMISSION_SWITCH`]: to the mutating configuration, and to the
/// validating one.
pub fn switch_off(until: Timestamp) -> [Value; 2] {
    let off = |kind: &str, endpoint: Endpoint| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {
                "name": names::WEBHOOK_CONFIGURATION,
                "annotations": {names::ANNOTATION_DISABLED_UNTIL: until.to_string()},
            },
            "webhooks": [{
                "name": endpoint.webhook(),
                "matchConditions": [{"name": names::ADMISSION_OFF_CONDITION, "expression": "false"}],
            }],
        })
    };
    [
        off("MutatingWebhookConfiguration", Endpoint::Default),
        off("ValidatingWebhookConfiguration", Endpoint::Validate),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{mutating, validating};

    fn states(standings: &[Standing]) -> Vec<State> {
        standings.iter().map(|standing| standing.state).collect()
    }

    #[test]
    fn what_setup_installs_is_on_and_nothing_is_missing() {
        let (mutating, validating) = (mutating::configuration(), validating::configuration());
        let found = standings(Some(&mutating), Some(&validating));
        assert_eq!(states(&found), [State::On; 3]);
        assert_eq!(states(&standings(None, None)), [State::Missing; 3]);
    }

    #[test]
    fn what_is_switched_off_is_off_until_then_and_injection_is_not() {
        let until: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let parts = switch_off(until);
        let mut mutating = mutating::configuration();
        let part: MutatingWebhookConfiguration =
            serde_json::from_value(with_clients(&parts[0])).unwrap();
        merge(
            &mut mutating.metadata.annotations,
            part.metadata.annotations,
        );
        for hook in mutating.webhooks.iter_mut().flatten() {
            let named = part
                .webhooks
                .iter()
                .flatten()
                .find(|part| part.name == hook.name);
            let conditions = named.and_then(|part| part.match_conditions.clone());
            hook.match_conditions
                .get_or_insert_default()
                .extend(conditions.into_iter().flatten());
        }
        let validating = validating::configuration();
        let found = standings(Some(&mutating), Some(&validating));
        assert_eq!(states(&found), [State::On, State::Off, State::On]);
        assert_eq!(found[1].until.as_deref(), Some("2026-01-02T03:04:05Z"));
        assert!(!parts[1].to_string().contains("inject"), "{}", parts[1]);
    }

    /// The types insist on fields that an apply of a part leaves to others.
    fn with_clients(part: &Value) -> Value {
        let mut part = part.clone();
        for hook in part["webhooks"].as_array_mut().unwrap() {
            hook["clientConfig"] = json!({});
            hook["sideEffects"] = "None".into();
            hook["admissionReviewVersions"] = json!(["v1"]);
        }
        part
    }

    fn merge<T: Extend<(String, String)> + IntoIterator<Item = (String, String)> + Default>(
        into: &mut Option<T>,
        from: Option<T>,
    ) {
        into.get_or_insert_default()
            .extend(from.into_iter().flatten());
    }
}
