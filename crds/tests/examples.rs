//! The examples of `deploy/`: valid, and between them every field and every word there is.

use std::collections::BTreeSet;

use mcp_crds::{
    Kind, Lookup, Manifest, crds, grant_warnings, parse, parse_grant, parse_session, warnings,
};
use serde_json::Value;

use crate::files::{documents, manifests, settings, yaml_files};

const EXAMPLES: &str = "../deploy/examples";

#[test]
fn every_example_is_valid() {
    for path in yaml_files(EXAMPLES) {
        for manifest in manifests(&path) {
            let problems = match manifest {
                Manifest::Server(server) => parse(&server, &settings()).err(),
                Manifest::Grant(grant) => parse_grant(&grant).err(),
                Manifest::Session(session) => parse_session(&session).err(),
            };
            assert!(
                problems.is_none(),
                "{}: {}",
                path.display(),
                problems.unwrap()
            );
        }
    }
}

#[test]
fn the_examples_set_every_field_and_use_every_word() {
    let mut wanted = BTreeSet::new();
    for crd in crds() {
        let crd = serde_json::to_value(crd).unwrap();
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap().to_owned();
        let root = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        fields_of_schema(
            &root["properties"]["spec"],
            &format!("{kind}.spec"),
            &mut wanted,
        );
    }
    let mut seen = BTreeSet::new();
    for path in yaml_files(EXAMPLES) {
        for document in documents(&path) {
            let Some(kind) = Kind::of(&document) else {
                continue;
            };
            fields_of_value(
                &document["spec"],
                &format!("{}.spec", kind.as_str()),
                &mut seen,
            );
        }
    }
    let missing: Vec<_> = wanted.difference(&seen).collect();
    assert!(missing.is_empty(), "no example has {missing:#?}");
    assert!(
        wanted.len() > 140,
        "the schema was not walked: {}",
        wanted.len()
    );
}

#[test]
fn the_demo_warns_of_nothing_but_its_trust_in_headers() {
    let path = crate::files::folder(EXAMPLES).join("everything.yaml");
    let told: Vec<_> = manifests(&path)
        .into_iter()
        .flat_map(|manifest| match manifest {
            Manifest::Server(server) => warnings(&parse(&server, &settings()).unwrap()),
            Manifest::Grant(grant) => {
                grant_warnings(&parse_grant(&grant).unwrap(), Lookup::Unknown, &[])
            }
            Manifest::Session(_) => Vec::new(),
        })
        .map(|warning| warning.code)
        .collect();
    assert_eq!(told, ["headers_from_anywhere"]);
}

/// Paths of a schema's fields, and of the words that enumerated ones may have.
fn fields_of_schema(schema: &Value, at: &str, fields: &mut BTreeSet<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{at}.{name}");
        fields.insert(path.clone());
        words_of(property, &path, fields);
        fields_of_schema(property, &path, fields);
        fields_of_schema(&property["items"], &path, fields);
        words_of(&property["items"], &path, fields);
    }
}

fn words_of(schema: &Value, path: &str, fields: &mut BTreeSet<String>) {
    let words = schema.get("enum").and_then(Value::as_array);
    fields.extend(
        words
            .into_iter()
            .flatten()
            .map(|word| format!("{path}={}", word.as_str().unwrap())),
    );
}

/// Paths of a value's fields, and of their words.
fn fields_of_value(value: &Value, at: &str, fields: &mut BTreeSet<String>) {
    fields.insert(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                fields_of_value(member, &format!("{at}.{name}"), fields);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| fields_of_value(item, at, fields)),
        Value::String(word) => {
            fields.insert(format!("{at}={word}"));
        }
        _ => {}
    }
}
