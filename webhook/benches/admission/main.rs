//! What an admission costs: each endpoint's throughput beside a server that parses the review and
//! allows it (the floor), its latency at half of that, and the memory afterwards.
//! `make bench-admission`, or `MCP_RUNTIME=bin/mcp-runtime cargo bench -p mcp-webhook --bench admission`;
//! `MCP_PROFILE` says how that program was built where its folder doesn't.
//!
//! The target has one core to itself, the generator the other; targets take turns, so that what
//! the machine does besides hits both. Rows go to stdout and `target/bench/admission.jsonl`, a table
//! with the aims to stderr.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a bench that can't go on has failed"
)]

mod floor;
mod request;
mod reviews;
mod target;

use std::process::ExitCode;

use mcp_bench::load;
use mcp_bench::report::{Report, Summary, Turn, rounded};
use mcp_bench::target::{Cores, Target};
use target::Certificate;

/// As mcp-runtime has it: what tells the floor from ours is the work alone.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections of the generator; an API server keeps up to 25 idle ones.
const CONNECTIONS: usize = 25;

/// Times that each target is measured.
const REPEATS: usize = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if arguments.get(1).map(String::as_str) == Some("floor") {
        runtime.block_on(floor::run(&arguments[2], &arguments[3], &arguments[4]));
        return ExitCode::SUCCESS;
    }
    runtime.block_on(compare())
}

async fn compare() -> ExitCode {
    let time = load::time(5);
    let cores = Cores::divide();
    let certificate = Certificate::issue();
    let targets = [
        target::floor(&certificate, cores),
        target::webhook(&certificate, cores),
    ];
    let mut report = Report::new("admission", cores, CONNECTIONS, time);
    for repeat in 0..REPEATS {
        for review in reviews::all() {
            for target in &targets {
                let load = request::load(target, &review, &certificate).await;
                let streams = certificate.connect(target.address, CONNECTIONS).await;
                let throughput = load.flat_out(streams, time).await;
                let rate = throughput.rate() / 2.0;
                let streams = certificate.connect(target.address, CONNECTIONS).await;
                let latency = load.at_rate(streams, rate, time).await;
                report.add(&Turn {
                    scenario: review.scenario,
                    target,
                    repeat,
                    throughput: &throughput,
                    latency: &latency,
                    rate: rounded(rate).into(),
                });
            }
        }
    }
    tell(report, &targets)
}

/// Medians and ranges, ratios by repeats that were measured one after the other, and memory.
fn tell(mut report: Report, targets: &[Target; 2]) -> ExitCode {
    let [floor, ours] = targets;
    report.head(REPEATS, "HTTP/1.1 over TLS");
    for scenario in reviews::all().iter().map(|review| review.scenario) {
        for (metric, unit, aim) in [
            ("throughput", "1/s", "at least 10000"),
            ("p50", "us", ""),
            ("p99", "us", "at most 2000"),
        ] {
            for (target, aim) in [(floor, ""), (ours, aim)] {
                let series = report.series(scenario, target.name, metric);
                let summary = Summary {
                    scenario,
                    target,
                    versus: None,
                    metric,
                    unit,
                    aim,
                };
                report.summary(&summary, &series);
            }
        }
        let base = report.series(scenario, floor.name, "throughput");
        let ratios = report.series(scenario, ours.name, "throughput");
        let ratios = ratios.beside(&base, |value, base| value / base);
        let summary = Summary {
            scenario,
            target: ours,
            versus: Some(floor.name),
            metric: "throughput_ratio",
            unit: "ratio",
            aim: "at least 0.6",
        };
        report.summary(&summary, &ratios);
    }
    report.memory("after", floor, "");
    report.memory("after", ours, "at most 25");
    report.finish()
}
