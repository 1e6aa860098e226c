//! What an admission costs: each endpoint's throughput beside a server that parses the review and
//! allows it (the floor), its latency at half of that, and the memory afterwards.
//! `make bench-admission`, or `MCP_RUNTIME=bin/mcp-runtime cargo bench -p mcp-webhook --bench admission`.
//!
//! The target has one core to itself, the generator the other; targets take turns, so that what
//! the machine does besides hits both. Rows go to stdout and `target/bench/admission.jsonl`, a table
//! with the aims to stderr.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench that can't go on has failed"
)]

mod floor;
mod generator;
mod report;
mod reviews;
mod target;

use std::time::Duration;

use generator::Load;
use report::Report;
use target::{Certificate, Target, pin};

/// Connections of the generator; an API server keeps up to 25 idle ones.
const CONNECTIONS: usize = 25;

/// Times that each target is measured.
const REPEATS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if arguments.get(1).map(String::as_str) == Some("floor") {
        runtime.block_on(floor::run(&arguments[2], &arguments[3], &arguments[4]));
    } else {
        runtime.block_on(compare());
    }
}

async fn compare() {
    let seconds = std::env::var("MCP_BENCH_SECONDS").map_or(5, |text| text.parse().unwrap());
    let time = Duration::from_secs(seconds);
    pin(0);
    let certificate = Certificate::issue();
    let targets = [
        Target::floor(&certificate).await,
        Target::webhook(&certificate).await,
    ];
    let mut report = Report::new(time);
    for repeat in 0..REPEATS {
        for review in reviews::all() {
            for target in &targets {
                let load = Load::new(target, &review, &certificate).await;
                let throughput = load.flat_out(time).await;
                let rate = throughput.rate() / 2.0;
                let latency = load.at_rate(rate, time).await;
                report.add(&review, target, repeat, &throughput, rate, &latency);
            }
        }
    }
    report.finish(&targets);
}
