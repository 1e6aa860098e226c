//! `docs/settings.md` has every member of settings.yaml with its default.

use std::collections::BTreeMap;

use crds::Settings;
use serde_json::Value;

use super::markdown::{Page, page};

#[test]
fn every_member_is_listed_with_its_default() {
    let Value::Object(defaults) = serde_json::to_value(Settings::default()).unwrap() else {
        panic!("settings are an object");
    };
    let actual: BTreeMap<String, String> = defaults
        .into_iter()
        .map(|(name, value)| (format!("`{name}`"), format!("`{}`", shown(&value))))
        .collect();
    let listed: BTreeMap<String, String> = Page::rows(&page("settings.md").section("## Members"))
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    assert_eq!(listed, actual);
}

/// As one writes it in YAML.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    }
}
