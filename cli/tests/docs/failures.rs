//! `docs/failures.md` and `docs/upgrading.md` quote what the API server says: the texts of the policies and definitions
//! that `setup` applies.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::markdown::{page, root};

/// Every `message` and `name` below a value.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "message" || name == "name" => {
                        found.insert(text.clone());
                    }
                    other => texts(other, found),
                }
            }
        }
        _ => {}
    }
}

/// What the objects in force can say, and what they are called.
fn said() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["deploy/admission", "crds/yaml"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
            objects.iter().for_each(|object| texts(object, &mut found));
        }
    }
    found
}

#[test]
fn the_refusals_quoted_are_those_of_the_objects_in_force() {
    let said = said();
    let mut checked = 0;
    let pages = [page("failures.md"), page("upgrading.md")];
    for block in pages
        .iter()
        .flat_map(|page| page.blocks())
        .filter(|block| block.language == "text")
    {
        for line in block.text.lines() {
            let quoted = [
                line.split_once("denied request: ").map(|(_, text)| text),
                line.split_once("Invalid value: \"object\": ")
                    .map(|(_, text)| text),
                line.split_once("failed calling webhook \"")
                    .and_then(|(_, rest)| rest.split_once('"'))
                    .map(|(name, _)| name),
                line.split_once("ValidatingAdmissionPolicy '")
                    .and_then(|(_, rest)| rest.split_once('\''))
                    .map(|(name, _)| name),
            ];
            for text in quoted.into_iter().flatten() {
                assert!(said.contains(text), "{}: nothing says {text:?}", block.at);
                checked += 1;
            }
        }
    }
    assert!(checked >= 9, "only {checked} texts found");
}
