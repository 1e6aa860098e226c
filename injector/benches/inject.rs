//! What injection costs: a plain pod, one of 20 KB and one of 200 KB, each way.
//!
//! `cargo bench -p mcp-injector`; the aim is 100 µs for the 20 KB pod.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench that can't go on has failed, and criterion's macros document nothing"
)]

use std::hint::black_box;
use std::time::Duration;

use crds::{MCPServer, Server, Settings};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mcp_injector::{Injection, inject, uninject};
use serde_json::{Value, json};

fn settings() -> Settings {
    Settings {
        proxy_images: vec!["registry.example.org/mcp-runtime:v1".into()],
        ..Settings::default()
    }
}

fn server() -> Server {
    let object: MCPServer = serde_json::from_value(json!({
        "apiVersion": "mcpruntime.org/v1alpha1",
        "kind": "MCPServer",
        "metadata": {"name": "everything", "namespace": "demo"},
        "spec": {"image": "everything:dev", "gateway": {"enabled": true}},
    }))
    .unwrap();
    crds::parse(&object, &settings()).unwrap()
}

/// A pod of about so many bytes, in containers of some 2 KB as real ones are.
fn pod(bytes: usize) -> Value {
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "everything-6d5f9c7b8-",
            "labels": {
                "app": "everything",
                "mcpruntime.org/server": "everything",
                "mcpruntime.org/gateway": "required",
            },
        },
        "spec": {"containers": []},
    });
    for n in 0.. {
        let env: Vec<Value> = (0..24)
            .map(|v| json!({"name": format!("SETTING_{v}"), "value": format!("the value of setting {v}")}))
            .collect();
        let container = json!({
            "name": format!("container-{n}"),
            "image": format!("registry.example.org/team/image-{n}:v1.2.3"),
            "ports": [{"name": "http", "containerPort": 10_000 + n, "protocol": "TCP"}],
            "env": env,
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        });
        let containers = pod.pointer_mut("/spec/containers");
        containers
            .and_then(Value::as_array_mut)
            .unwrap()
            .push(container);
        if pod.to_string().len() >= bytes {
            break;
        }
    }
    pod
}

fn benches(criterion: &mut Criterion) {
    let (server, settings) = (server(), settings());
    let mut group = criterion.benchmark_group("inject");
    group.measurement_time(Duration::from_secs(3));
    for size in [1_000, 20_000, 200_000] {
        let before = pod(size);
        let Injection::Patch { ops, .. } = inject(&before, &server, &settings).unwrap() else {
            continue;
        };
        let mut after = before.clone();
        json_patch::patch(&mut after, &ops).unwrap();
        let bytes = before.to_string().len();
        group.throughput(Throughput::Bytes(u64::try_from(bytes).unwrap()));
        group.bench_with_input(BenchmarkId::new("new", bytes), &before, |bencher, pod| {
            bencher.iter(|| inject(black_box(pod), &server, &settings).unwrap());
        });
        group.bench_with_input(BenchmarkId::new("again", bytes), &after, |bencher, pod| {
            bencher.iter(|| inject(black_box(pod), &server, &settings).unwrap());
        });
        group.bench_with_input(BenchmarkId::new("undo", bytes), &after, |bencher, pod| {
            bencher.iter(|| uninject(black_box(pod)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
