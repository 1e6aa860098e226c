//! Rows for programs on stdout and in `target/bench/NAME.jsonl`; medians, ranges and aims for people
//! on stderr.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use serde_json::{Value, json};

use crate::load::Outcome;
use crate::target::{Cores, Target};

/// Scenario, target, metric.
type Key = (&'static str, &'static str, &'static str);

/// Collects what is measured.
#[derive(Debug)]
pub struct Report {
    bench: &'static str,
    cores: String,
    connections: usize,
    seconds: u64,
    commit: String,
    file: File,
    series: BTreeMap<Key, Series>,
    failed: usize,
}

/// One target's turn in one scenario.
#[derive(Clone, Debug)]
pub struct Turn<'a> {
    /// As rows call it.
    pub scenario: &'static str,
    /// Whose turn.
    pub target: &'a Target,
    /// Of how many before it.
    pub repeat: usize,
    /// Of the run as fast as answers came.
    pub throughput: &'a Outcome,
    /// Of the run at a fixed rate.
    pub latency: &'a Outcome,
    /// Which rate, as it is to stand in rows.
    pub rate: Value,
}

/// A metric's values in the order of repeats, and whether all of the answers behind them were right.
#[derive(Clone, Debug)]
pub struct Series {
    values: Vec<f64>,
    right: bool,
}

/// What a series is about.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// As rows call it.
    pub scenario: &'a str,
    /// Whose values.
    pub target: &'a Target,
    /// What they are relative to.
    pub versus: Option<&'a str>,
    /// As rows call it.
    pub metric: &'a str,
    /// Of the values.
    pub unit: &'a str,
    /// What was hoped for, told beside and never judged; empty where nothing was.
    pub aim: &'a str,
}

impl Series {
    /// What two targets' turns make of each other, repeat by repeat: those were measured one right
    /// after the other.
    pub fn beside(&self, base: &Self, join: fn(f64, f64) -> f64) -> Self {
        let pairs = self.values.iter().zip(&base.values);
        Self {
            values: pairs.map(|(value, base)| join(*value, *base)).collect(),
            right: self.right && base.right,
        }
    }
}

impl Report {
    /// Begins the bench's file anew.
    pub fn new(bench: &'static str, cores: Cores, connections: usize, time: Duration) -> Self {
        let folder = root().join("target/bench");
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            bench,
            cores: cores.to_string(),
            connections,
            seconds: time.as_secs(),
            commit: commit(),
            file: File::create(folder.join(format!("{bench}.jsonl"))).unwrap(),
            series: BTreeMap::new(),
            failed: 0,
        }
    }

    /// A row for each metric of a turn.
    pub fn add(&mut self, turn: &Turn<'_>) {
        let Turn {
            scenario, target, ..
        } = *turn;
        let (throughput, latency) = (turn.throughput, turn.latency);
        for (metric, value, unit, outcome, rate) in [
            (
                "throughput",
                throughput.rate(),
                "1/s",
                throughput,
                &json!(0),
            ),
            ("p50", latency.percentile(0.5), "us", latency, &turn.rate),
            ("p99", latency.percentile(0.99), "us", latency, &turn.rate),
        ] {
            let right = outcome.errors == 0 && !outcome.latencies.is_empty();
            let series = self.series.entry((scenario, target.name, metric));
            let series = series.or_insert(Series {
                values: Vec::new(),
                right: true,
            });
            series.values.push(value);
            series.right &= right;
            self.row(&json!({
                "bench": self.bench, "scenario": scenario, "target": target.name,
                "metric": metric, "value": rounded(value), "unit": unit,
                "n": outcome.latencies.len(), "errors": outcome.errors, "rate": rate,
                "connections": self.connections, "seconds": self.seconds, "repeat": turn.repeat,
                "cores": self.cores, "commit": self.commit, "profile": target.profile,
                "status": status(right),
            }));
        }
    }

    /// What was added so far.
    pub fn series(
        &self,
        scenario: &'static str,
        target: &'static str,
        metric: &'static str,
    ) -> Series {
        self.series[&(scenario, target, metric)].clone()
    }

    /// How it was measured, above the table.
    pub fn head(&self, repeats: usize, note: &str) {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        eprintln!(
            "{}: {} s a run, {repeats} repeats, {} connections, {note}, cores {}, load {}",
            self.bench,
            self.seconds,
            self.connections,
            self.cores,
            load.trim()
        );
    }

    /// A line of the table, and its row.
    pub fn summary(&mut self, of: &Summary<'_>, series: &Series) {
        let Summary {
            scenario,
            target,
            metric,
            unit,
            ..
        } = *of;
        let mut sorted = series.values.clone();
        sorted.sort_by(f64::total_cmp);
        let (min, median, max) = (
            sorted[0],
            sorted[sorted.len() / 2],
            sorted[sorted.len() - 1],
        );
        let aim = match of.aim {
            "" => String::new(),
            aim => format!("  aim: {aim}"),
        };
        eprintln!(
            "{scenario:13} {:12} {metric:17} {median:10.2} {unit:6} ({min:.2} to {max:.2}){aim}",
            target.name
        );
        let mut row = json!({
            "bench": self.bench, "scenario": scenario, "target": target.name, "metric": metric,
            "value": rounded(median), "min": rounded(min), "max": rounded(max), "unit": unit,
            "commit": self.commit, "profile": target.profile, "status": status(series.right),
        });
        if let Some(versus) = of.versus {
            row["versus"] = versus.into();
        }
        self.row(&row);
    }

    /// What a target takes after all that was asked of it; nothing where it is no process of its own.
    pub fn memory(&mut self, scenario: &str, target: &Target, aim: &str) {
        let Some(kib) = target.resident_kib() else {
            return;
        };
        let summary = Summary {
            scenario,
            target,
            versus: None,
            metric: "rss",
            unit: "MiB",
            aim,
        };
        let series = Series {
            values: vec![kib as f64 / 1024.0],
            right: true,
        };
        self.summary(&summary, &series);
    }

    /// What could have been measured beside, and where its program is looked for.
    pub fn not_run(&mut self, scenario: &str, target: &str, metric: &str, variable: &str) {
        eprintln!("{scenario:13} {target:12} not run ({variable})");
        self.row(&json!({
            "bench": self.bench, "scenario": scenario, "target": target, "metric": metric,
            "status": "not_run",
        }));
    }

    /// What the bench ends with: an error where one of its rows is.
    pub fn finish(self) -> ExitCode {
        if self.failed == 0 {
            return ExitCode::SUCCESS;
        }
        eprintln!("{}: {} rows failed", self.bench, self.failed);
        ExitCode::FAILURE
    }

    fn row(&mut self, row: &Value) {
        if row["status"] == "failed" {
            self.failed += 1;
        }
        println!("{row}");
        writeln!(self.file, "{row}").unwrap();
    }
}

fn status(right: bool) -> &'static str {
    if right { "ok" } else { "failed" }
}

/// To hundredths: what lies below is noise.
pub fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The checkout's root.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("a folder of the checkout")
}

/// The checkout's commit, short; empty where there is no git.
fn commit() -> String {
    let head = Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .current_dir(root())
        .output();
    head.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_relative_to_a_series_with_errors_has_them_too() {
        let series = |values: [f64; 2], right| Series {
            values: values.to_vec(),
            right,
        };
        let ours = series([3.0, 8.0], true);
        let floor = series([4.0, 4.0], false);
        let ratio = ours.beside(&floor, |value, base| value / base);
        assert_eq!((&ratio.values[..], ratio.right), (&[0.75, 2.0][..], false));
    }
}
