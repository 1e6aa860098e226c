//! `deploy/admission/`: the typed objects, as files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mcp_webhook::admission_objects;
use serde_json::Value;

use crate::app::{path, read};

const HEADER: &str =
    "# Made from webhook/src/objects; UPDATE_GOLDEN=1 cargo test -p mcp-webhook writes it anew.\n";

fn settings() -> crds::Settings {
    crds::Settings {
        proxy_images: vec!["mcp-runtime:dev".into()],
        ..Default::default()
    }
}

fn files() -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for object in admission_objects(&settings()) {
        let name = object
            .name()
            .strip_prefix("mcp-runtime-")
            .unwrap_or("webhooks");
        let text = serde_saphyr::to_string(&object.to_json().unwrap()).unwrap();
        files.entry(format!("{name}.yaml")).or_default().push(text);
    }
    let joined = |texts: Vec<String>| format!("{HEADER}{}", texts.join("---\n"));
    files
        .into_iter()
        .map(|(name, texts)| (name, joined(texts)))
        .collect()
}

#[test]
fn the_files_are_what_the_code_makes() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/admission");
    for (name, text) in files() {
        let path = directory.join(&name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(read(&path), text, "{name}; UPDATE_GOLDEN=1 accepts it");
    }
}

#[test]
fn the_files_read_as_the_objects() {
    let mut read: Vec<Value> = Vec::new();
    for text in files().into_values() {
        read.extend(serde_saphyr::from_multiple::<Value>(&text).unwrap());
    }
    for object in admission_objects(&settings()) {
        let json = object.to_json().unwrap();
        assert!(read.contains(&json), "{json}");
    }
}

#[test]
fn no_file_is_left_over() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/admission");
    let found = std::fs::read_dir(directory).unwrap();
    let mut found: Vec<_> = found
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, files().into_keys().collect::<Vec<_>>());
}

#[test]
fn the_images_of_the_settings_are_a_literal_in_the_policies() {
    let settings = crds::Settings {
        proxy_images: vec!["r/new:2".into(), "r/old:1".into()],
        ..Default::default()
    };
    let lists: Vec<String> = admission_objects(&settings)
        .iter()
        .map(|object| object.to_json().unwrap())
        .flat_map(|object| {
            object["spec"]["variables"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        })
        .filter(|variable| variable["name"] == "images")
        .map(|variable| {
            variable["expression"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    assert_eq!(lists, ["['r/new:2', 'r/old:1']", "['r/new:2', 'r/old:1']"]);
}

#[test]
fn every_policy_is_bound_and_none_needs_a_parameter() {
    let mut policies = Vec::new();
    let mut bound = Vec::new();
    for object in admission_objects(&crds::Settings::default()) {
        let json = object.to_json().unwrap();
        match json["kind"].as_str() {
            Some("ValidatingAdmissionPolicy") => {
                assert_eq!(json["spec"].get("paramKind"), None);
                assert_eq!(json["spec"]["failurePolicy"], "Fail");
                policies.push(json["metadata"]["name"].clone());
            }
            Some("ValidatingAdmissionPolicyBinding") => {
                assert_eq!(json["spec"]["validationActions"], Value::from(vec!["Deny"]));
                bound.push(json["spec"]["policyName"].clone());
            }
            _ => (),
        }
    }
    assert_eq!(policies, bound);
}

/// What `policies.yaml` says of one change; a real API server is asked in `e2e/`.
#[derive(serde::Deserialize)]
struct Case {
    name: String,
    policy: Option<String>,
    message: Option<String>,
}

/// Policy and message of every validation but those that `injector/tests/intact/` has.
fn said() -> BTreeSet<(String, String)> {
    let mut said = BTreeSet::new();
    for object in admission_objects(&settings()) {
        let json = object.to_json().unwrap();
        let validations = json["spec"]["validations"].as_array().cloned();
        let creation = object.name() == "mcp-runtime-intact-proxy";
        for validation in validations.into_iter().flatten().filter(|_| !creation) {
            let message = validation["message"].as_str().unwrap();
            said.insert((object.name().to_owned(), message.to_owned()));
        }
    }
    said
}

#[test]
fn every_message_of_every_policy_has_a_case_and_no_case_expects_another() {
    let cases: Vec<Case> = serde_saphyr::from_str(&read(&path("policies.yaml"))).unwrap();
    let expected = cases.into_iter().filter_map(|case| {
        assert_eq!(
            case.policy.is_some(),
            case.message.is_some(),
            "{}",
            case.name
        );
        case.policy.zip(case.message)
    });
    assert_eq!(expected.collect::<BTreeSet<_>>(), said());
}
