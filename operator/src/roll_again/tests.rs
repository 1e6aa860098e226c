use std::time::Duration;

use crds::{MCPServer, Settings};
use k8s_openapi::api::core::v1::Pod;

use super::*;

const NOON: &str = "2026-01-01T12:00:00Z";

fn wanted() -> Wanted {
    let settings = Settings {
        proxy_images: vec!["proxy:2".into()],
        ..Settings::default()
    };
    let server: MCPServer = serde_saphyr::from_str(
        "apiVersion: mcpruntime.org/v1alpha1\nkind: MCPServer\n\
         metadata: { name: s, namespace: d }\n\
         spec: { image: registry.example.com/s, gateway: { enabled: true } }\n",
    )
    .unwrap();
    Wanted::of(&crds::parse(&server, &settings).unwrap(), &settings)
}

/// A Deployment whose rollout is over, with this much said of earlier times.
fn deployment(inputs: &str, again: &str) -> Deployment {
    let text = format!(
        "metadata: {{ name: s, generation: 4, labels: {{ mcpruntime.org/rollout-track: stable }} }}\n\
         spec:\n  replicas: 2\n  selector: {{}}\n  template:\n    metadata:\n      annotations:\n\
         \x20       mcpruntime.org/injection-inputs: {inputs}\n\
         \x20       mcpruntime.org/rolled-again: \"{again}\"\n\
         status: {{ observedGeneration: 4, replicas: 2, updatedReplicas: 2, availableReplicas: 2 }}\n"
    );
    serde_saphyr::from_str(&text).unwrap()
}

fn pods(track: &str, injected: &[&str]) -> Vec<Arc<PodView>> {
    let pod = |injected: &&str| {
        let text = format!(
            "metadata: {{ name: p, labels: {{ mcpruntime.org/rollout-track: {track} }}, \
             annotations: {{ mcpruntime.org/injected: {injected} }} }}\n"
        );
        Arc::new(PodView::new(&serde_saphyr::from_str::<Pod>(&text).unwrap()))
    };
    injected.iter().map(pod).collect()
}

fn decided(live: &Deployment, pods: &[Arc<PodView>], now: &str) -> Again {
    roll_again(live, pods, &wanted(), now.parse().unwrap())
}

#[test]
fn pods_that_differ_after_their_rollout_are_replaced_once_more() {
    let wanted = wanted();
    let live = deployment(&wanted.inputs.to_string(), "");
    let old = pods("stable", &[&wanted.injected, "0.1.0@old-old"]);
    let note = format!("{}/1/{NOON}", wanted.injected);
    assert_eq!(decided(&live, &old, NOON), Again::Now(note));
    let current = pods("stable", &[&wanted.injected]);
    assert_eq!(decided(&live, &current, NOON), Again::No);
    let canary = pods("canary", &["0.1.0@old-old"]);
    assert_eq!(decided(&live, &canary, NOON), Again::No);
}

#[test]
fn a_rollout_that_isnt_over_or_not_ordered_is_left_alone() {
    let wanted = wanted();
    let old = pods("stable", &["0.1.0@old-old"]);
    let mut live = deployment(&wanted.inputs.to_string(), "");
    live.status.as_mut().unwrap().updated_replicas = Some(1);
    assert_eq!(decided(&live, &old, NOON), Again::No);
    let mut live = deployment(&wanted.inputs.to_string(), "");
    live.metadata.generation = Some(5);
    assert_eq!(decided(&live, &old, NOON), Again::No);
    let held = deployment("other-inputs", "");
    assert_eq!(decided(&held, &old, NOON), Again::No);
}

#[test]
fn it_is_tried_three_times_further_and_further_apart_and_never_again() {
    let wanted = wanted();
    let old = pods("stable", &["0.1.0@old-old"]);
    let after = |count: usize, time: &str, now: &str| {
        let note = format!("{}/{count}/{time}", wanted.injected);
        decided(&deployment(&wanted.inputs.to_string(), &note), &old, now)
    };
    let minutes = |n: u64| Again::Later(Duration::from_secs(60 * n));
    let now = |count: u8| Again::Now(format!("{}/{count}/{NOON}", wanted.injected));
    assert_eq!(after(1, "2026-01-01T11:59:00Z", NOON), minutes(4));
    assert_eq!(after(1, "2026-01-01T11:55:00Z", NOON), now(2));
    assert_eq!(after(2, "2026-01-01T11:55:00Z", NOON), minutes(25));
    assert_eq!(after(2, "2026-01-01T11:30:00Z", NOON), now(3));
    assert_eq!(after(3, "2025-01-01T00:00:00Z", NOON), Again::GivenUp);
}

#[test]
fn times_for_an_earlier_proxy_dont_count() {
    let wanted = wanted();
    let note = "0.0.9@feed-feed/3/2026-01-01T11:59:00Z";
    let live = deployment(&wanted.inputs.to_string(), note);
    let old = pods("stable", &["0.1.0@old-old"]);
    let first = Again::Now(format!("{}/1/{NOON}", wanted.injected));
    assert_eq!(decided(&live, &old, NOON), first);
    // What can't be read says nothing.
    let live = deployment(&wanted.inputs.to_string(), "x");
    assert_eq!(decided(&live, &old, NOON), first);
}
