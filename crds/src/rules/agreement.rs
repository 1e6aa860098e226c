//! The two spellings of each rule give the same answers: CEL as the API server evaluates it, and the Rust beside it.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use kube_cel::{CompiledSchema, compile_schema};
use proptest::{prelude::*, sample::select, strategy::ValueTree};
use serde_json::{Map, Value, json};

use super::{Rule, rules};
use crate::{Kind, default::apply, nodes, schema};

/// Strings that are almost something: the edge of each shape that a rule asks for.
const EDGES: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "-",
    "a-",
    "-a",
    "a b",
    "a\tb",
    "a.b",
    "a..b",
    "..a",
    ".",
    "..",
    "/",
    "//",
    "/a",
    "a/",
    "/a/../b",
    "a//b",
    "/a~b/c_d/",
    "*",
    "*.example.com",
    "*.*.com",
    "example.com",
    "Example.com",
    "a:80",
    "0",
    "00",
    "0%",
    "000%",
    "1",
    "100%",
    "0100%",
    "101%",
    "9999%",
    "99999%",
    "25%",
    "%",
    "1%%",
    "999999999",
    "9999999999",
    "50m",
    "0.5",
    ".5",
    "1.",
    "1e3",
    "1E3",
    "1E",
    "1Ei",
    "1e+3",
    "1e333",
    "-1",
    "+1",
    "128Mi",
    "128mi",
    "500m",
    "1h",
    "1h30m",
    "1.5h",
    ".5s",
    "1.s",
    "1d",
    "h",
    "0s",
    "0h0m",
    "1us",
    "1\u{b5}s",
    "1\u{3bc}s",
    "http://",
    "http://a",
    "https://a/b?c",
    "http://a b",
    "http://u@h",
    "http://[::1]:80/x",
    "http://localhost",
    "http://localhost:8091",
    "http://localhost:8091/a:1",
    "http://127.0.0.1:0",
    "http://127.0.0.1:65535",
    "http://127.0.0.1:65536",
    "http://127.0.0.256",
    "http://127.0.0.01",
    "http://127.1",
    "http://128.0.0.1",
    "https://127.0.0.1",
    "http://127.0.0.1:8091/\u{e9}",
    "http://localhost.evil",
    "external",
    "managed",
    "Canary",
    "Recreate",
    "oauth",
    "mtls",
    "header",
    "none",
    "traefik",
    "nginx",
    "mcp-proxy",
    "mcp-gateway",
    "X-MCP",
    "X:Y",
    "X_Y",
    "1A",
    "_a",
    "payments",
    "payments-mcp",
    "\u{e9}",
    "\u{2003}",
];

/// Networks and what is almost one.
const NETWORKS: &[&str] = &[
    "10.0.0.0/8",
    "10.1.2.3/8",
    "10.0.0.0/0",
    "10.0.0.0/33",
    "10.0.0/8",
    "10.0.0.0/",
    "10.0.0.0/a",
    "2001:db8::/32",
    "2001:db8::/129",
    "::/0",
    "::ffff:10.0.0.0/104",
    "fe80::%eth0/64",
    "10.0.0.0",
];

/// What a limit can be compared with.
const QUANTITIES: &[&str] = &[
    "", "0", "50m", "0.5", "1", "500m", "1e3", "1E", "1Ei", "128Mi", "0.1Gi", "1500u", "one",
];

/// How many pods.
const AMOUNTS: &[&str] = &["", "0", "00", "0%", "1", "25%", "0100%", "101%", "half"];

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => select(EDGES).prop_map(|text| json!(text)),
        1 => "[a-zA-Z0-9./:%_~*@ -]{0,12}".prop_map(|text| json!(text)),
    ]
}

/// A value of a schema's shape, each optional member there or not, each string from the edges or the enum.
fn value_of(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return select(words.clone()).boxed();
    }
    match schema["type"].as_str() {
        Some("string") => text().boxed(),
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        Some("integer") => select(vec![0, 1, 2, 3, 80, 8088, 8091, 9103])
            .prop_map(Value::from)
            .boxed(),
        Some("array") => proptest::collection::vec(value_of(&schema["items"]), 0..4)
            .prop_map(Value::from)
            .boxed(),
        _ => object_of(schema),
    }
}

fn object_of(schema: &Value) -> BoxedStrategy<Value> {
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let members: Vec<_> = properties
        .iter()
        .map(|(name, property)| {
            let value = match name.as_str() {
                "cpu" | "memory" => select(QUANTITIES).prop_map(|text| json!(text)).boxed(),
                "maxUnavailable" | "maxSurge" => {
                    select(AMOUNTS).prop_map(|text| json!(text)).boxed()
                }
                "cidrs" => proptest::collection::vec(select(NETWORKS), 0..4)
                    .prop_map(|texts| json!(texts))
                    .boxed(),
                _ => value_of(property),
            };
            let value = value.prop_map(Some);
            let value = if required.contains(&name.as_str()) {
                value.boxed()
            } else {
                prop_oneof![2 => Just(None), 3 => value].boxed()
            };
            let name = name.clone();
            value.prop_map(move |value| Some((name.clone(), value?)))
        })
        .collect();
    members
        .prop_map(|members| Value::Object(members.into_iter().flatten().collect()))
        .boxed()
}

/// An object with the defaults of its schema, as rules see it.
fn object(kind: Kind) -> impl Strategy<Value = Value> {
    let schema = serde_json::to_value(schema::schema(kind)).unwrap();
    let spec = value_of(&schema["properties"]["spec"]);
    (text(), proptest::option::of(text()), spec).prop_map(move |(name, generate_name, spec)| {
        let mut object = json!({"metadata": {"name": name}, "spec": spec});
        if let Some(generate_name) = generate_name {
            object["metadata"]["generateName"] = generate_name;
        }
        let mut adds = Vec::new();
        schema::fill::missing(schema::schema(kind), &object, &nodes::Path::Root, &mut adds);
        for add in &adds {
            apply(&mut object, add);
        }
        object
    })
}

thread_local! {
    static COMPILED: RefCell<HashMap<&'static str, CompiledSchema>> = RefCell::default();
}

/// What CEL says of one node: `None` where the rule holds.
fn cel_breach(cel: &'static str, node: &Value) -> Option<String> {
    COMPILED.with_borrow_mut(|compiled| {
        let schema = compiled.entry(cel).or_insert_with(|| {
            compile_schema(
                &json!({"x-kubernetes-validations": [{"rule": cel, "message": "broken"}]}),
            )
        });
        let errors = kube_cel::validate_compiled(schema, node, None).err()?;
        Some(errors.iter().map(ToString::to_string).collect())
    })
}

/// Rules whose Rust sees more than CEL can say: it must refuse at least as much.
const RUST_SEES_MORE: &[&str] = &["duration_invalid"];

/// Values about which the two differ because another rule speaks of them.
fn another_rule_refuses(rule: &Rule, node: &Value) -> bool {
    match rule.code {
        "invalid_name" => node["metadata"]["name"] == "",
        "upstream_is_gateway" => {
            crate::text::loopback_port(super::text(node, "/upstreamURL")).is_none()
        }
        _ => false,
    }
}

fn assert_agreement(rule: &Rule, path: &str, node: &Value) {
    let Some(cel) = rule.cel else { return };
    let by_rust = (rule.breach)(node);
    let by_cel = cel_breach(cel, node);
    if let Some(told) = &by_cel {
        assert_eq!(told, "broken", "{} at {path} on {node}", rule.code);
    }
    let agree = by_rust.is_some() == by_cel.is_some()
        || (by_rust.is_some() && RUST_SEES_MORE.contains(&rule.code))
        || another_rule_refuses(rule, node);
    assert!(
        agree,
        "{} at {path} on {node}: Rust says {by_rust:?}, CEL {by_cel:?}",
        rule.code
    );
}

fn each_node(kind: Kind, object: &Value, mut visit: impl FnMut(&Rule, &str, &Value)) {
    for rule in rules(kind) {
        for node in rule.nodes {
            nodes::each(object, node, &mut |path, value| {
                visit(rule, &path.to_string(), value)
            });
        }
    }
}

/// `MCP_CASES` sets how many objects are tried.
fn cases() -> u32 {
    std::env::var("MCP_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_spellings_of_a_servers_rules_agree(object in object(Kind::Server)) {
        each_node(Kind::Server, &object, assert_agreement);
    }

    #[test]
    fn both_spellings_of_a_grants_and_a_sessions_rules_agree(
        grant in object(Kind::Grant),
        session in object(Kind::Session),
    ) {
        each_node(Kind::Grant, &grant, assert_agreement);
        each_node(Kind::Session, &session, assert_agreement);
    }
}

/// Every string rule on every edge, whatever chance brings.
#[test]
fn both_spellings_of_the_string_rules_agree_on_every_edge() {
    for kind in Kind::ALL {
        for rule in rules(kind) {
            let is_string = |node: &&'static str| {
                nodes::schema(schema::schema(kind), node)
                    .unwrap()
                    .type_
                    .as_deref()
                    == Some("string")
            };
            if rule.nodes.iter().all(is_string) {
                EDGES
                    .iter()
                    .chain(NETWORKS)
                    .for_each(|edge| assert_agreement(rule, "a string", &json!(edge)));
            }
        }
    }
}

/// Otherwise agreement would be that of rules that never fire.
#[test]
fn every_rule_is_broken_by_some_object_and_kept_by_another() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for kind in Kind::ALL {
        let strategy = object(kind);
        let mut broken = HashSet::new();
        let mut kept = HashSet::new();
        for _ in 0..1200 {
            let object = strategy.new_tree(&mut runner).unwrap().current();
            each_node(kind, &object, |rule, _, node| {
                let set = if (rule.breach)(node).is_some() {
                    &mut broken
                } else {
                    &mut kept
                };
                set.insert(rule.code);
            });
        }
        let never = |set: &HashSet<&str>| -> Vec<_> {
            let tried = rules(kind)
                .filter(|rule| rule.cel.is_some())
                .map(|rule| rule.code);
            tried.filter(|code| !set.contains(code)).collect()
        };
        assert_eq!(
            (never(&broken), never(&kept)),
            (vec![], vec![]),
            "broken and kept by no {}",
            kind.as_str()
        );
    }
}

#[test]
fn a_rule_on_spec_excuses_an_object_that_broke_it_before() {
    let rule = rules(Kind::Server)
        .find(|rule| rule.code == "external_needs_gateway")
        .unwrap();
    let (cel, optional_old_self) = rule.emitted("spec").unwrap();
    let plain = rule.cel.unwrap();
    let old = plain.replace("self", "oldSelf.value()");
    assert_eq!(
        cel,
        format!("({plain}) || (oldSelf.hasValue() && !({old}))")
    );
    assert!(optional_old_self);
    assert_eq!(
        rule.emitted("spec.gateway"),
        Some((plain.to_owned(), false))
    );
}
