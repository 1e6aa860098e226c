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
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench that can't go on has failed"
)]

mod backend;
mod floor;
mod generator;
mod report;
mod target;

use std::time::Duration;

use generator::Load;
use report::Report;
use target::{Target, pin};

/// Calls a second in the fixed-rate runs.
const RATE: u32 = 2000;

/// Connections of the generator.
const CONNECTIONS: usize = 32;

/// Times that each target is measured.
const REPEATS: usize = 5;

/// A `tools/call` of about 1 KiB.
fn call() -> String {
    let text = "x".repeat(900);
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{{"message":"{text}"}}}}}}"#
    )
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    match arguments.get(1).map(String::as_str) {
        Some("backend") => runtime.block_on(backend::run(&arguments[2])),
        Some("floor") => runtime.block_on(floor::run(&arguments[2], &arguments[3])),
        _ => runtime.block_on(compare()),
    }
}

async fn compare() {
    let seconds = std::env::var("MCP_BENCH_SECONDS").map_or(20, |text| text.parse().unwrap());
    let time = Duration::from_secs(seconds);
    pin(0);
    let backend = Target::backend().await;
    let targets = [
        Target::direct(&backend),
        Target::floor(&backend).await,
        Target::proxy(&backend).await,
    ];
    let load = Load::new(call(), CONNECTIONS);
    let mut report = Report::new(time);
    for repeat in 0..REPEATS {
        for target in &targets {
            let latency = load.at_rate(target.address, RATE, time).await;
            let throughput = load.flat_out(target.address, time).await;
            report.add(target, repeat, &latency, &throughput);
        }
    }
    report.finish(&targets);
}
