//! What is applied to clusters is what the types say.

use mcp_crds::crds;
use serde_json::{Value, json};

use crate::files::{folder, golden};

#[test]
fn the_yaml_of_the_definitions_is_current() {
    for crd in crds() {
        let file = folder("yaml").join(format!("{}.yaml", crd.spec.names.plural));
        golden(&file, &serde_saphyr::to_string(&crd).unwrap());
    }
}

#[test]
fn every_rule_says_what_to_write_instead() {
    let mut rules = 0;
    for crd in crds() {
        each_node(&serde_json::to_value(crd).unwrap(), &mut |node| {
            for rule in node
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let message = rule["message"].as_str().unwrap();
                let remedy = message
                    .rsplit_once("; ")
                    .map(|(_, remedy)| remedy)
                    .unwrap_or_default();
                let verb = remedy.split(' ').next().unwrap();
                assert!(
                    ["write", "leave", "delete", "let"].contains(&verb),
                    "{message}"
                );
                rules += 1;
            }
        });
    }
    assert!(rules > 60, "only {rules} rules were seen");
}

#[test]
fn every_string_list_and_map_of_a_spec_is_bounded() {
    for crd in crds() {
        let crd = serde_json::to_value(crd).unwrap();
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        each_node(spec, &mut |node| {
            let bounded = match node.get("type").and_then(Value::as_str) {
                Some("string") => ["maxLength", "enum", "format"]
                    .iter()
                    .any(|bound| node.get(bound).is_some()),
                Some("array") => node.get("maxItems").is_some(),
                Some("object") if node.get("additionalProperties").is_some() => {
                    node.get("maxProperties").is_some()
                }
                Some("integer") => node.get("minimum").is_some(),
                _ => true,
            };
            assert!(bounded, "{node} has no bound");
        });
    }
}

/// Of what several people apply to, server-side apply takes each one's items.
#[test]
fn tools_rules_and_side_effects_merge_by_name() {
    let by_name = json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]});
    let set = json!({"x-kubernetes-list-type": "set"});
    for (n, field, expected) in [
        (0, "tools", &by_name),
        (1, "toolRules", &by_name),
        (1, "allowedSideEffects", &set),
    ] {
        let crd = serde_json::to_value(&crds()[n]).unwrap();
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(&spec["properties"][field][member], value, "{field}");
        }
    }
}

/// `kubectl explain` shows it.
#[test]
fn every_field_says_what_it_is() {
    let mut fields = 0;
    for crd in crds() {
        let kind = crd.spec.names.kind.clone();
        let crd = serde_json::to_value(crd).unwrap();
        let root = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        each_field(root, &kind, &mut |path, field| {
            // The API server has its own words about these.
            let everyones = ["apiVersion", "kind", "metadata"].map(|name| format!("{kind}.{name}"));
            let told = field["description"].as_str().unwrap_or_default();
            if !everyones.iter().any(|own| path.starts_with(own.as_str())) {
                assert!(told.trim().len() > 3, "{path} has no description");
                fields += 1;
            }
        });
    }
    assert!(fields > 150, "only {fields} fields were seen");
}

fn each_field(schema: &Value, at: &str, visit: &mut impl FnMut(&str, &Value)) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{at}.{name}");
        visit(&path, field);
        each_field(field, &path, visit);
        each_field(&field["items"], &path, visit);
    }
}

#[test]
fn the_short_names_category_and_subresources_are_those_of_the_docs() {
    let seen: Vec<_> = crds()
        .into_iter()
        .map(|crd| {
            let version = crd.spec.versions.into_iter().next().unwrap();
            let subresources = version.subresources.unwrap();
            (
                crd.spec.names.plural,
                crd.spec.names.short_names.unwrap(),
                crd.spec.names.categories.unwrap(),
                subresources.status.is_some(),
                subresources.scale.is_some(),
            )
        })
        .collect();
    let kind = |plural: &str, short: &str, scale| {
        (
            plural.to_owned(),
            vec![short.to_owned()],
            vec!["mcp".to_owned()],
            true,
            scale,
        )
    };
    assert_eq!(
        seen,
        [
            kind("mcpservers", "mcps", true),
            kind("mcpaccessgrants", "mcpg", false),
            kind("mcpagentsessions", "mcpa", false)
        ]
    );
}

/// Parsing grants and sessions, of which there are many, looks for none.
#[test]
fn grants_and_sessions_have_no_defaults() {
    for crd in crds()
        .into_iter()
        .filter(|crd| crd.spec.names.kind != "MCPServer")
    {
        each_node(&serde_json::to_value(&crd).unwrap(), &mut |node| {
            assert!(
                node.get("default").is_none(),
                "{}: {node}",
                crd.spec.names.kind
            );
        });
    }
}

/// Visits every object inside of a JSON value.
fn each_node(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(members) => {
            visit(value);
            members.values().for_each(|member| each_node(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| each_node(item, visit)),
        _ => {}
    }
}
