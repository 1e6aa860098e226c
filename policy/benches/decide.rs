//! What a decision costs at 10, 1,000 and 100,000 sessions and grants.
//!
//! JSON Lines on stdout, a table on stderr. Needs no clock of its own beyond [`Instant`]: one
//! thread, nothing waits, so a repeat is as long as its decisions.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a bench talks to its user and has nobody to hand an error to"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mcp_policy::{Decision, Document, Grant, Policy, Request, Server, Session, Subject, Tool};
use serde_json::json;

const SIZES: [usize; 3] = [10, 1_000, 100_000];
const REPEATS: usize = 5;

fn main() {
    let seconds: f64 = std::env::var("MCP_BENCH_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(10.0);
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let policies = SIZES.map(|size| (size, Policy::try_from(&document(size)).unwrap()));
    let each = Duration::from_secs_f64(seconds / (REPEATS * SIZES.len() * ASKED.len()) as f64);
    eprintln!(
        "{:<10} {:<12} {:>10} {:>10} {:>10}",
        "sessions", "scenario", "median", "min", "max"
    );
    for scenario in ASKED {
        // Interleaved, so that what else the machine does falls on every size.
        let mut samples: [Vec<f64>; SIZES.len()] = Default::default();
        for _ in 0..REPEATS {
            for ((size, policy), samples) in policies.iter().zip(&mut samples) {
                samples.push(nanoseconds(each, *scenario, *size, policy, now));
            }
        }
        for (size, mut samples) in SIZES.into_iter().zip(samples) {
            samples.sort_by(f64::total_cmp);
            report(*scenario, size, &samples);
        }
    }
}

/// A scenario: its name, and the function that is measured.
type Scenario = (
    &'static str,
    fn(&Policy, &Request<'_>, Timestamp) -> Decision,
);

const ASKED: &[Scenario] = &[
    ("decide", |policy, request, now| {
        mcp_policy::decide(Some(policy), request, now)
    }),
    ("explain", |policy, request, now| {
        mcp_policy::explain(Some(policy), request, now).decision
    }),
];

/// Nanoseconds a decision, over as many as fit in the time; callers in no order.
fn nanoseconds(
    each: Duration,
    scenario: Scenario,
    size: usize,
    policy: &Policy,
    now: Timestamp,
) -> f64 {
    let callers: Vec<(String, String)> = (0..1024_usize)
        .map(|i| i.wrapping_mul(2_654_435_761) % size)
        .map(|i| (format!("human-{i}@example.com"), format!("session-{i}")))
        .collect();
    let mut decided = 0_u64;
    let start = Instant::now();
    while start.elapsed() < each {
        for (human, session) in &callers {
            let request = Request {
                subject: Ok(Subject {
                    human,
                    agent: "ops",
                    team: "",
                }),
                session: Some(session),
                method: Some("tools/call"),
                name: Some("tool-7"),
                ..Request::default()
            };
            let decision = scenario.1(black_box(policy), black_box(&request), now);
            assert!(black_box(decision).passes());
            decided += 1;
        }
    }
    start.elapsed().as_nanos() as f64 / decided as f64
}

fn report((scenario, _): Scenario, size: usize, samples: &[f64]) {
    let (Some(min), Some(max)) = (samples.first(), samples.last()) else {
        return;
    };
    let median = samples.get(samples.len() / 2).unwrap_or(max);
    eprintln!("{size:<10} {scenario:<12} {median:>8.0}ns {min:>8.0}ns {max:>8.0}ns");
    println!(
        "{}",
        json!({
            "bench": "decide", "scenario": format!("{scenario}_{size}"), "target": "policy",
            "metric": "per_decision", "value": median.round(), "min": min.round(), "max": max.round(), "unit": "ns",
            "sessions": size, "grants": size, "errors": 0, "repeat": samples.len(),
            "commit": std::env::var("MCP_COMMIT").unwrap_or_else(|_| "unknown".into()),
            "profile": if cfg!(debug_assertions) { "dev" } else { "release" },
            "status": "ok",
        })
    );
}

/// As many grants and sessions, each for a person of its own, and forty tools.
fn document(size: usize) -> Document {
    let human = |i: usize| format!("human-{i}@example.com");
    Document {
        schema_version: "v1".into(),
        server: Server {
            name: "shop".into(),
            namespace: "team-a".into(),
            ..Server::default()
        },
        tools: (0..40)
            .map(|i| Tool {
                name: format!("tool-{i}"),
                side_effect: "write".into(),
                required_trust: "medium".into(),
                ..Tool::default()
            })
            .collect(),
        grants: (0..size)
            .map(|i| Grant {
                name: format!("grant-{i}"),
                namespace: "team-a".into(),
                human_id: human(i),
                max_trust: "high".into(),
                allowed_side_effects: vec!["read".into(), "write".into()],
                ..Grant::default()
            })
            .collect(),
        sessions: (0..size)
            .map(|i| Session {
                name: format!("session-{i}"),
                namespace: "team-a".into(),
                human_id: human(i),
                consented_trust: "medium".into(),
                expires_at: "2027-01-01T00:00:00Z".into(),
                ..Session::default()
            })
            .collect(),
        ..Document::default()
    }
}
