//! Blocks of YAML and JSON are what they look like.

use crds::{Kind, Manifest, Settings};
use policy::corpus::Case;
use serde_json::Value;

use super::markdown::pages;

fn settings() -> Settings {
    Settings {
        proxy_images: vec!["mcp-runtime:dev".into()],
        ..Settings::default()
    }
}

/// One of ours has to be valid; another object needs what every object has.
fn check_object(object: &Value, at: &str) {
    if Kind::of(object).is_none() {
        for member in ["apiVersion", "kind"] {
            assert!(object[member].is_string(), "{at}: no {member}");
        }
        assert!(object["metadata"]["name"].is_string(), "{at}: no name");
        return;
    }
    let manifest = crds::read(object).unwrap_or_else(|problems| panic!("{at}: {problems}"));
    let parsed = match manifest {
        Manifest::Server(server) => crds::parse(&server, &settings()).map(drop),
        Manifest::Grant(grant) => crds::parse_grant(&grant).map(drop),
        Manifest::Session(session) => crds::parse_session(&session).map(drop),
    };
    parsed.unwrap_or_else(|problems| panic!("{at}: {problems}"));
}

#[test]
fn every_yaml_block_is_valid_objects_settings_or_cases() {
    let mut checked = 0;
    for page in pages() {
        for block in page
            .blocks()
            .iter()
            .filter(|block| block.language == "yaml")
        {
            let at = &block.at;
            let documents: Vec<Value> = serde_saphyr::from_multiple(&block.text)
                .unwrap_or_else(|error| panic!("{at}: {error}"));
            for document in documents {
                if document.is_array() {
                    serde_json::from_value::<Vec<Case>>(document)
                        .unwrap_or_else(|error| panic!("{at}: {error}"));
                } else if document.get("kind").is_some() {
                    check_object(&document, at);
                } else {
                    serde_json::from_value::<Settings>(document)
                        .unwrap_or_else(|error| panic!("{at}: {error}"));
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 0, "no page has YAML");
}

#[test]
fn every_json_block_is_json_and_a_policy_document_is_valid() {
    let mut checked = 0;
    for page in pages() {
        for block in page.blocks() {
            let at = &block.at;
            let read = |text: &str| -> Value {
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{at}: {error}"))
            };
            match block.language {
                "jsonl" => block.text.lines().map(read).for_each(drop),
                "json" if read(&block.text).get("schema_version").is_some() => {
                    let parsed = policy::Document::parse(block.text.as_bytes()).unwrap();
                    policy::Policy::try_from(&parsed)
                        .unwrap_or_else(|error| panic!("{at}: {error}"));
                }
                "json" => drop(read(&block.text)),
                _ => continue,
            }
            checked += 1;
        }
    }
    assert!(checked > 0, "no page has JSON");
}
