//! Rows for programs on stdout and in a file, medians, ranges and aims for people on stderr.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::generator::Outcome;
use crate::reviews::{self, Review};
use crate::target::Target;

/// Scenario, target, metric.
type Key = (&'static str, &'static str, &'static str);

/// Collects rows as they are measured.
pub(crate) struct Report {
    file: File,
    seconds: u64,
    commit: String,
    /// In the order of repeats.
    values: BTreeMap<Key, Vec<f64>>,
    errors: usize,
}

impl Report {
    pub(crate) fn new(time: Duration) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
        std::fs::create_dir_all(&folder).unwrap();
        let head = Command::new("git")
            .args(["rev-parse", "--short", "HEAD"])
            .output();
        Self {
            file: File::create(folder.join("admission.jsonl")).unwrap(),
            seconds: time.as_secs(),
            commit: head.map_or_else(
                |_| String::new(),
                |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            ),
            values: BTreeMap::new(),
            errors: 0,
        }
    }

    /// One target's turn.
    pub(crate) fn add(
        &mut self,
        review: &Review,
        target: &Target,
        repeat: usize,
        throughput: &Outcome,
        rate: f64,
        latency: &Outcome,
    ) {
        for (metric, value, unit, outcome, rate) in [
            ("throughput", throughput.rate(), "1/s", throughput, 0.0),
            ("p50", latency.percentile(0.5), "us", latency, rate),
            ("p99", latency.percentile(0.99), "us", latency, rate),
        ] {
            let key = (review.scenario, target.name, metric);
            self.values.entry(key).or_default().push(value);
            self.errors += outcome.errors;
            let status = if outcome.errors == 0 { "ok" } else { "failed" };
            self.row(json!({
                "bench": "admission", "scenario": review.scenario, "target": target.name,
                "metric": metric, "value": rounded(value), "unit": unit,
                "n": outcome.latencies.len(), "errors": outcome.errors, "rate": rounded(rate),
                "connections": crate::CONNECTIONS, "seconds": self.seconds, "repeat": repeat,
                "cores": "target=1 rest=0", "commit": self.commit, "profile": profile(),
                "status": status,
            }));
        }
    }

    /// Medians and ranges, ratios by repeats that were measured one after the other, and memory.
    pub(crate) fn finish(mut self, targets: &[Target]) {
        eprintln!(
            "admission: {} s a run, {} repeats, {} build, {} connections, HTTP/1.1 over TLS, load {}",
            self.seconds,
            crate::REPEATS,
            profile(),
            crate::CONNECTIONS,
            std::fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .trim(),
        );
        for scenario in reviews::all().iter().map(|review| review.scenario) {
            for (metric, unit, aim) in [
                ("throughput", "1/s", "at least 10000"),
                ("p50", "us", ""),
                ("p99", "us", "at most 2000"),
            ] {
                for (target, aim) in [("floor", ""), ("mcp-runtime", aim)] {
                    let values = self.values[&(scenario, target, metric)].clone();
                    self.summary(scenario, target, metric, &values, unit, aim);
                }
            }
            let ours = &self.values[&(scenario, "mcp-runtime", "throughput")];
            let floor = &self.values[&(scenario, "floor", "throughput")];
            let ratios: Vec<f64> = ours.iter().zip(floor).map(|(a, b)| a / b).collect();
            let aim = "at least 0.6";
            self.summary(
                scenario,
                "mcp-runtime",
                "throughput_ratio",
                &ratios,
                "ratio",
                aim,
            );
        }
        for target in targets {
            let mib = target.resident_kib() as f64 / 1024.0;
            let aim = if target.name == "floor" {
                ""
            } else {
                "at most 25"
            };
            self.summary("after", target.name, "rss", &[mib], "MiB", aim);
        }
        if self.errors > 0 {
            eprintln!("{} answers were wrong or missing", self.errors);
            std::process::exit(1);
        }
    }

    fn summary(
        &mut self,
        scenario: &str,
        target: &str,
        metric: &str,
        values: &[f64],
        unit: &str,
        aim: &str,
    ) {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (median, min, max) = (
            sorted[sorted.len() / 2],
            sorted[0],
            sorted[sorted.len() - 1],
        );
        let aim = if aim.is_empty() {
            String::new()
        } else {
            format!("  aim: {aim}")
        };
        eprintln!(
            "{scenario:13} {target:12} {metric:17} {median:10.2} {unit:6} ({min:.2} to {max:.2}){aim}"
        );
        let mut row = json!({
            "bench": "admission", "scenario": scenario, "target": target, "metric": metric,
            "value": rounded(median), "min": rounded(min), "max": rounded(max), "unit": unit,
            "commit": self.commit, "profile": profile(), "status": "ok",
        });
        if metric == "throughput_ratio" {
            row["versus"] = "floor".into();
        }
        self.row(row);
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
