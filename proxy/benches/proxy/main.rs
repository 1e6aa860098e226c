//! What the proxy adds to a call: latency at a fixed rate, throughput beside a reverse proxy
//! that decides nothing (the floor), memory. `make bench-proxy`, or
//! `cargo bench --package mcp-proxy --bench proxy`.
//!
//! The target has one core to itself, backend and generator the other; targets take turns, so
//! that what the machine does besides hits all of them. Rows go to stdout and
//! `target/bench/proxy.jsonl`, a table to stderr.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a bench that can't go on has failed"
)]

mod backend;
mod floor;
mod target;

use std::process::ExitCode;

use mcp_bench::load;
use mcp_bench::report::{Report, Summary, Turn};
use mcp_bench::target::{Cores, Target};
use tokio::net::TcpStream;

const SCENARIO: &str = "call_json_1k";

/// Calls a second in the fixed-rate runs.
const RATE: u32 = 2000;

/// Connections of the generator.
const CONNECTIONS: usize = 32;

/// Times that each target is measured.
const REPEATS: usize = 5;

/// Programs of others that could be measured beside ours.
const PEERS: [(&str, &str); 4] = [
    ("peer:go-gateway", "MCP_BENCH_PEER_GO_GATEWAY"),
    ("peer:agentgateway", "MCP_BENCH_PEER_AGENTGATEWAY"),
    ("peer:envoy", "MCP_BENCH_PEER_ENVOY"),
    ("nginx", "MCP_BENCH_PEER_NGINX"),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    match arguments.get(1).map(String::as_str) {
        Some("backend") => runtime.block_on(backend::run(&arguments[2])),
        Some("floor") => runtime.block_on(floor::run(&arguments[2], &arguments[3])),
        _ => return runtime.block_on(compare()),
    }
    ExitCode::SUCCESS
}

async fn compare() -> ExitCode {
    let time = load::time(20);
    let cores = Cores::divide();
    let folder = tempfile::tempdir().unwrap();
    let backend = target::backend(cores);
    let targets = [
        backend.named("direct"),
        target::floor(&backend, cores),
        target::proxy(&backend, cores, folder.path()),
    ];
    let load = target::load();
    let mut report = Report::new("proxy", cores, CONNECTIONS, time);
    for repeat in 0..REPEATS {
        for target in &targets {
            let streams = connect(target).await;
            let latency = load.at_rate(streams, f64::from(RATE), time).await;
            let streams = connect(target).await;
            let throughput = load.flat_out(streams, time).await;
            report.add(&Turn {
                scenario: SCENARIO,
                target,
                repeat,
                throughput: &throughput,
                latency: &latency,
                rate: RATE.into(),
            });
        }
    }
    tell(report, &targets)
}

async fn connect(target: &Target) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        streams.push(load::connect(target.address).await);
    }
    streams
}

/// What the proxy adds, by repeats that were measured one after the other.
fn tell(mut report: Report, targets: &[Target; 3]) -> ExitCode {
    let [direct, floor, ours] = targets;
    report.head(REPEATS, "HTTP/1.1");
    for (metric, added) in [("p50", "added_p50"), ("p99", "added_p99")] {
        let base = report.series(SCENARIO, direct.name, metric);
        for target in [floor, ours] {
            let series = report.series(SCENARIO, target.name, metric);
            let series = series.beside(&base, |value, base| value - base);
            let summary = Summary {
                scenario: SCENARIO,
                target,
                versus: Some(direct.name),
                metric: added,
                unit: "us",
                aim: "",
            };
            report.summary(&summary, &series);
        }
    }
    let base = report.series(SCENARIO, floor.name, "throughput");
    let ratios = report.series(SCENARIO, ours.name, "throughput");
    let ratios = ratios.beside(&base, |value, base| value / base);
    let summary = Summary {
        scenario: SCENARIO,
        target: ours,
        versus: Some(floor.name),
        metric: "throughput_ratio",
        unit: "ratio",
        aim: "",
    };
    report.summary(&summary, &ratios);
    for target in targets {
        report.memory(SCENARIO, target, "");
    }
    for (peer, variable) in PEERS {
        report.not_run(SCENARIO, peer, "added_p50", variable);
    }
    report.finish()
}
