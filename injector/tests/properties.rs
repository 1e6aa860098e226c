//! What holds of every pod: `MCP_CASES` pods each, 5,000 unless it says otherwise.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use json_patch::PatchOperation;
use mcp_injector::{Code, Injection, inject, uninject};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::arbitrary::{anything, pod};
use crate::files::{server, settings};

static SERVER: LazyLock<crds::Server> = LazyLock::new(|| server("batch"));
static SETTINGS: LazyLock<crds::Settings> = LazyLock::new(settings);

fn cases() -> u32 {
    match std::env::var("MCP_CASES") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => 5_000,
    }
}

/// Tries the property on that many values, on every core.
fn hold<S: Strategy>(
    strategy: impl Fn() -> S + Sync,
    property: impl Fn(S::Value) -> Result<(), TestCaseError> + Sync,
) {
    let cores = std::thread::available_parallelism().unwrap().get();
    let config = Config {
        cases: cases().div_ceil(u32::try_from(cores).unwrap()),
        failure_persistence: None,
        ..Config::default()
    };
    let run = || {
        let result = TestRunner::new(config.clone()).run(&strategy(), &property);
        result.unwrap_or_else(|error| panic!("{error}"));
    };
    std::thread::scope(|threads| {
        for _ in 0..cores {
            threads.spawn(run);
        }
    });
}

/// Whether everything in `before` is in `after`: members, and items in their order. Null and empty
/// are nothing to keep, and the grace period may grow.
fn keeps(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Null, _) => true,
        (Value::Object(before), Value::Object(after)) => before.iter().all(|(name, value)| {
            let found = after.get(name);
            match name.as_str() {
                "terminationGracePeriodSeconds" => found.map(Value::as_i64) >= Some(value.as_i64()),
                "mcpruntime.org/injected" | "mcpruntime.org/injected-over" => found.is_some(),
                _ => found.is_some_and(|found| keeps(value, found)),
            }
        }),
        (Value::Array(before), Value::Array(after)) => {
            let mut rest = after.iter();
            before
                .iter()
                .all(|item| rest.any(|found| keeps(item, found)))
        }
        _ => before == after,
    }
}

/// All there is to say of one governed pod that has no proxy; true where it gets one.
fn is_sound(pod: &Value) -> Result<bool, TestCaseError> {
    let ops =
        match inject(pod, &SERVER, &SETTINGS).map_err(|e| TestCaseError::fail(e.to_string()))? {
            Injection::Patch { code, ops } => {
                prop_assert_eq!(code, Code::Injected);
                ops
            }
            Injection::Allow(code) => return Err(TestCaseError::fail(code.as_str())),
            Injection::Deny(_) => return Ok(false),
        };
    let only_adds = ops.iter().all(|op| matches!(op, PatchOperation::Add(_)));
    prop_assert!(only_adds, "{ops:?}");
    let mut after = pod.clone();
    json_patch::patch(&mut after, &ops).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert!(keeps(pod, &after), "{after}");
    prop_assert_eq!(&after["spec"]["initContainers"][0]["name"], "mcp-proxy");
    let again =
        inject(&after, &SERVER, &SETTINGS).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(again, Injection::Allow(Code::AlreadyInjected));
    let back = uninject(&after).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(back.to_string(), pod.to_string());
    Ok(true)
}

#[test]
fn a_patch_adds_applies_keeps_is_final_and_can_be_undone() {
    let (patched, all) = (AtomicU32::new(0), AtomicU32::new(0));
    hold(pod, |pod| {
        let sound = is_sound(&pod)?;
        all.fetch_add(1, Ordering::Relaxed);
        patched.fetch_add(u32::from(sound), Ordering::Relaxed);
        Ok(())
    });
    let (patched, all) = (patched.into_inner(), all.into_inner());
    assert!(
        patched * 2 > all,
        "of {all} pods only {patched} were patched"
    );
}

#[test]
fn any_json_at_all_gets_an_answer_both_ways() {
    hold(anything, |value| {
        let _ = inject(&value, &SERVER, &SETTINGS);
        let _ = uninject(&value);
        Ok(())
    });
}

#[test]
fn any_json_in_any_place_of_a_pod_gets_an_answer_both_ways() {
    let places: Vec<&str> = vec![
        "/metadata/annotations",
        "/metadata/annotations/mcpruntime.org~1injected-over",
        "/metadata/annotations/mcpruntime.org~1proxy-cpu-request",
        "/spec/containers",
        "/spec/containers/0",
        "/spec/containers/0/lifecycle",
        "/spec/initContainers",
        "/spec/initContainers/0",
        "/spec/initContainers/0/env",
        "/spec/volumes",
        "/spec/volumes/0",
        "/spec/volumes/0/projected/sources",
        "/spec/terminationGracePeriodSeconds",
        "/spec/resources",
        "/spec/securityContext",
    ];
    let full = crate::files::patched(&crate::files::pod("drain"));
    let plain = crate::files::pod("drain");
    let bases = vec![full, plain];
    let strategy = || {
        let base = prop::sample::select(bases.clone());
        (base, prop::sample::select(places.clone()), anything())
    };
    hold(strategy, |(mut pod, place, odd)| {
        let change = json!([{"op": "add", "path": place, "value": odd}]);
        let change: json_patch::Patch = serde_json::from_value(change).unwrap();
        let _ = json_patch::patch(&mut pod, &change);
        let _ = inject(&pod, &SERVER, &SETTINGS);
        let _ = uninject(&pod);
        Ok(())
    });
}
