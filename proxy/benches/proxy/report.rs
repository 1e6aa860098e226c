//! Rows for programs on stdout and in a file, medians and ranges for people on stderr.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::generator::Outcome;
use crate::target::Target;

const SCENARIO: &str = "call_json_1k";

/// Programs of others that could be measured beside ours.
const PEERS: [(&str, &str); 4] = [
    ("peer:go-gateway", "MCP_BENCH_PEER_GO_GATEWAY"),
    ("peer:agentgateway", "MCP_BENCH_PEER_AGENTGATEWAY"),
    ("peer:envoy", "MCP_BENCH_PEER_ENVOY"),
    ("nginx", "MCP_BENCH_PEER_NGINX"),
];

/// Collects rows as they are measured.
pub(crate) struct Report {
    file: File,
    seconds: u64,
    commit: String,
    /// Values by (target, metric), in the order of repeats.
    values: BTreeMap<(&'static str, &'static str), Vec<f64>>,
}

impl Report {
    pub(crate) fn new(time: Duration) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
        std::fs::create_dir_all(&folder).unwrap();
        let head = Command::new("git")
            .args(["rev-parse", "--short", "HEAD"])
            .output();
        Self {
            file: File::create(folder.join("proxy.jsonl")).unwrap(),
            seconds: time.as_secs(),
            commit: head.map_or_else(
                |_| String::new(),
                |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            ),
            values: BTreeMap::new(),
        }
    }

    /// One target's turn.
    pub(crate) fn add(
        &mut self,
        target: &Target,
        repeat: usize,
        latency: &Outcome,
        throughput: &Outcome,
    ) {
        for (metric, value, unit, outcome, rate) in [
            ("p50", latency.percentile(0.5), "us", latency, crate::RATE),
            ("p99", latency.percentile(0.99), "us", latency, crate::RATE),
            ("throughput", throughput.rate(), "1/s", throughput, 0),
        ] {
            self.values
                .entry((target.name, metric))
                .or_default()
                .push(value);
            let status = if outcome.errors == 0 { "ok" } else { "failed" };
            self.row(json!({
                "bench": "proxy", "scenario": SCENARIO, "target": target.name, "metric": metric,
                "value": rounded(value), "unit": unit, "n": outcome.latencies.len(),
                "errors": outcome.errors, "rate": rate, "connections": crate::CONNECTIONS,
                "seconds": self.seconds, "repeat": repeat, "cores": "target=1 rest=0",
                "commit": self.commit, "profile": profile(), "status": status,
            }));
        }
    }

    /// What the proxy adds, by repeats that were measured one after the other.
    pub(crate) fn finish(mut self, targets: &[Target]) {
        eprintln!(
            "{SCENARIO}: {} s a run, {} repeats, {} build",
            self.seconds,
            crate::REPEATS,
            profile()
        );
        for metric in ["p50", "p99"] {
            for target in ["floor", "mcp-proxy"] {
                let added = self.pairs(target, "direct", metric, |value, base| value - base);
                let name = if metric == "p50" {
                    "added_p50"
                } else {
                    "added_p99"
                };
                self.summary(target, "direct", name, &added, "us");
            }
        }
        let ratios = self.pairs("mcp-proxy", "floor", "throughput", |value, base| {
            value / base
        });
        self.summary("mcp-proxy", "floor", "throughput_ratio", &ratios, "ratio");
        for target in targets {
            if let Some(kib) = target.resident_kib() {
                let mib = kib as f64 / 1024.0;
                self.summary(target.name, "", "rss", &[mib], "MiB");
            }
        }
        for (peer, variable) in PEERS {
            eprintln!("{peer:18} not run ({variable})");
            self.row(json!({
                "bench": "proxy", "scenario": SCENARIO, "target": peer, "metric": "added_p50", "status": "not_run",
            }));
        }
    }

    fn pairs(
        &self,
        target: &'static str,
        base: &'static str,
        metric: &'static str,
        join: fn(f64, f64) -> f64,
    ) -> Vec<f64> {
        let values = self.values[&(target, metric)].iter();
        values
            .zip(&self.values[&(base, metric)])
            .map(|(value, base)| join(*value, *base))
            .collect()
    }

    fn summary(&mut self, target: &str, versus: &str, metric: &str, values: &[f64], unit: &str) {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (median, min, max) = (
            sorted[sorted.len() / 2],
            sorted[0],
            sorted[sorted.len() - 1],
        );
        eprintln!("{target:18} {metric:18} {median:10.2} {unit:6} ({min:.2} to {max:.2})");
        self.row(json!({
            "bench": "proxy", "scenario": SCENARIO, "target": target, "versus": versus, "metric": metric,
            "value": rounded(median), "min": rounded(min), "max": rounded(max), "unit": unit,
            "commit": self.commit, "profile": profile(), "status": "ok",
        }));
    }

    fn row(&mut self, row: Value) {
        println!("{row}");
        writeln!(self.file, "{row}").unwrap();
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn profile() -> &'static str {
    if cfg!(debug_assertions) {
        "dev"
    } else {
        "release"
    }
}
