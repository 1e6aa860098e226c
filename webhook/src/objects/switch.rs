//! Taking `/default` and `/validate` out of the API server's way for a while.
//!
//! A match condition that never holds keeps the API server from calling a webhook. It is applied
//! by a field manager of its own to the list that `setup` made, so that nothing of the webhook has
//! to be remembered: who applies nothing as that manager has undone it.

use std::collections::BTreeMap;

use crds::names;
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
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
    let mutating = mutating.map(|found| {
        let hooks = found.webhooks.iter().flatten();
        let conditions = hooks.map(|hook| (hook.name.as_str(), &hook.match_conditions));
        Seen::new(&found.metadata, conditions)
    });
    let validating = validating.map(|found| {
        let hooks = found.webhooks.iter().flatten();
        let conditions = hooks.map(|hook| (hook.name.as_str(), &hook.match_conditions));
        Seen::new(&found.metadata, conditions)
    });
    let of = |endpoint: Endpoint| match endpoint {
        Endpoint::Inject | Endpoint::Default => mutating.as_ref(),
        Endpoint::Validate => validating.as_ref(),
    };
    Endpoint::ALL
        .map(|endpoint| standing(endpoint, of(endpoint)))
        .into()
}

/// What of a configuration matters here.
struct Seen<'a> {
    /// Its webhooks, and whether each is switched off.
    off: BTreeMap<&'a str, bool>,
    until: Option<&'a String>,
}

impl<'a> Seen<'a> {
    fn new(
        metadata: &'a ObjectMeta,
        hooks: impl Iterator<Item = (&'a str, &'a Option<Vec<MatchCondition>>)>,
    ) -> Self {
        let is_off = |condition: &MatchCondition| condition.name == names::ADMISSION_OFF_CONDITION;
        let annotations = metadata.annotations.as_ref();
        Self {
            off: hooks
                .map(|(name, conditions)| (name, conditions.iter().flatten().any(is_off)))
                .collect(),
            until: annotations.and_then(|found| found.get(names::ANNOTATION_DISABLED_UNTIL)),
        }
    }
}

fn standing(endpoint: Endpoint, seen: Option<&Seen<'_>>) -> Standing {
    let off = seen.and_then(|seen| seen.off.get(endpoint.webhook().as_str()));
    let state = match off {
        None => State::Missing,
        Some(true) => State::Off,
        Some(false) => State::On,
    };
    let until = seen.and_then(|seen| seen.until);
    Standing {
        endpoint,
        state,
        until: until.filter(|_| state == State::Off).cloned(),
    }
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
    use serde::{Serialize, de::DeserializeOwned};

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
        let (mut mutating, mut validating) =
            (mutating::configuration(), validating::configuration());
        let [part, _] = switch_off(time("2026-01-02T03:04:05Z"));
        add(&mut mutating, &part);
        let found = standings(Some(&mutating), Some(&validating));
        assert_eq!(states(&found), [State::On, State::Off, State::On]);
        // Each until its own time.
        let [_, part] = switch_off(time("2026-01-01T00:00:00Z"));
        assert!(!part.to_string().contains("inject"), "{part}");
        add(&mut validating, &part);
        let found = standings(Some(&mutating), Some(&validating));
        assert_eq!(states(&found), [State::On, State::Off, State::Off]);
        let until = found.iter().map(|standing| standing.until.as_deref());
        assert_eq!(
            until.collect::<Vec<_>>(),
            [
                None,
                Some("2026-01-02T03:04:05Z"),
                Some("2026-01-01T00:00:00Z")
            ]
        );
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// As the API server merges what is applied: annotations by key, webhooks and conditions by name.
    fn add<T: Serialize + DeserializeOwned>(configuration: &mut T, part: &Value) {
        let mut object = serde_json::to_value(&*configuration).unwrap();
        object["metadata"]["annotations"] = part["metadata"]["annotations"].clone();
        for more in part["webhooks"].as_array().unwrap() {
            let hooks = object["webhooks"].as_array_mut().unwrap().iter_mut();
            for hook in hooks.filter(|hook| hook["name"] == more["name"]) {
                let mut conditions = hook["matchConditions"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                conditions.extend(more["matchConditions"].as_array().cloned().unwrap());
                hook["matchConditions"] = conditions.into();
            }
        }
        *configuration = serde_json::from_value(object).unwrap();
    }
}
