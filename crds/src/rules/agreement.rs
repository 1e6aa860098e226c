//! The two spellings of each rule give the same answers: CEL as the API server evaluates it, and the Rust beside it.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use kube_cel::{CompiledSchema, compile_schema};
use proptest::{prelude::*, strategy::ValueTree};
use serde_json::{Value, json};

use super::{Rule, rules, tree};
use crate::{
    Kind,
    generate::{EDGES, NETWORKS, SEES_MORE, filled, object},
    nodes, schema,
};

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
        || (by_rust.is_some() && SEES_MORE.contains(&rule.code))
        || another_rule_refuses(rule, node);
    assert!(
        agree,
        "{} at {path} on {node}: Rust says {by_rust:?}, CEL {by_cel:?}",
        rule.code
    );
}

fn each_node(kind: Kind, object: &Value, mut visit: impl FnMut(&Rule, &str, &Value)) {
    tree(kind).each(object, &nodes::Path::Root, &mut |_, rule, path, value| {
        visit(rule, &path.to_string(), value);
    });
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
        each_node(Kind::Server, &filled(Kind::Server, &object), assert_agreement);
    }

    #[test]
    fn both_spellings_of_a_grants_and_a_sessions_rules_agree(
        grant in object(Kind::Grant),
        session in object(Kind::Session),
    ) {
        each_node(Kind::Grant, &filled(Kind::Grant, &grant), assert_agreement);
        each_node(Kind::Session, &filled(Kind::Session, &session), assert_agreement);
    }
}

/// Every string rule on every edge, whatever chance brings.
#[test]
fn both_spellings_of_the_string_rules_agree_on_every_edge() {
    for kind in Kind::ALL {
        for rule in rules(kind) {
            let is_string = |node: &&'static str| {
                nodes::schema(&schema::schema(kind), node)
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
            let object = filled(kind, &strategy.new_tree(&mut runner).unwrap().current());
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
