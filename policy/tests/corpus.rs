//! The corpus through `decide` and `explain`, and what the corpus itself has to hold.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mcp_policy::corpus::{Case, Driver, Expect, Tally, cases};
use mcp_policy::{Decision, Effect, Reason, decide, explain};

use crate::neighbours::edits;

/// Where a case names no time, it must end so at any of these.
fn times(case: &Case) -> Vec<Timestamp> {
    match case.given.now {
        Some(now) => vec![now],
        None => [
            "2026-01-01T00:00:00Z",
            "2031-06-01T12:00:00Z",
            "2045-12-31T23:59:59Z",
        ]
        .map(|time| time.parse().unwrap())
        .to_vec(),
    }
}

fn decided(case: &Case, now: Timestamp) -> Decision {
    let policy = case.policy().unwrap();
    decide(policy.as_ref(), &case.request(), now)
}

#[test]
fn every_case_ends_as_it_says() {
    let mut tally = Tally::new(Driver::Unit);
    for case in cases().unwrap() {
        assert!(tally.takes(&case), "{} must run here", case.name);
        let all: Vec<Expect> = times(&case)
            .into_iter()
            .map(|now| Expect::of(&decided(&case, now), case.namespace()))
            .collect();
        // One that disagrees with itself over time is reported by the first that differs.
        let found = all
            .iter()
            .find(|found| **found != case.expect)
            .unwrap_or(&case.expect);
        tally.record(&case, &case.expect, found);
    }
    println!("{tally}");
    assert_eq!(tally.failures, Vec::<String>::new());
}

#[test]
fn an_explanation_ends_at_the_line_that_decided() {
    for case in cases().unwrap() {
        let policy = case.policy().unwrap();
        for now in times(&case) {
            let explained = explain(policy.as_ref(), &case.request(), now);
            assert_eq!(explained.decision, decided(&case, now), "{}", case.name);
            let lines: Vec<u8> = explained.steps.iter().map(|step| step.line).collect();
            assert!(lines.is_sorted(), "{}: {lines:?}", case.name);
            assert_eq!(
                lines.last().copied(),
                explained.decision.line,
                "{}",
                case.name
            );
        }
    }
}

#[test]
fn names_are_unique() {
    let mut seen = BTreeSet::new();
    for case in cases().unwrap() {
        assert!(
            seen.insert(case.name.clone()),
            "{} is there twice",
            case.name
        );
    }
}

/// A case that states a time can't run where time is real.
#[test]
fn cases_with_a_time_are_left_out_where_time_is_real() {
    for case in cases().unwrap() {
        let real = [Driver::Proxy, Driver::Cluster];
        let left_out = !real.iter().any(|driver| case.runs_in(*driver));
        assert!(case.given.now.is_none() || left_out, "{}", case.name);
    }
}

/// The neighbour of a case differs from it in one value and ends on another line: it shows
/// that this value is what the line turns on.
#[test]
fn each_line_decides_five_cases_that_have_a_neighbour_on_another_line() {
    let cases = cases().unwrap();
    let situations: Vec<_> = cases
        .iter()
        .map(|case| serde_json::json!([case.given, case.when]))
        .collect();
    let mut lines: BTreeMap<u8, usize> = BTreeMap::new();
    let mut lonely = Vec::new();
    for (case, situation) in cases.iter().zip(&situations) {
        let neighbour = cases.iter().zip(&situations).any(|(other, there)| {
            case.expect.line != other.expect.line && edits(situation, there) == 1
        });
        if neighbour {
            *lines.entry(case.expect.line.unwrap()).or_default() += 1;
        } else {
            lonely.push(&case.name);
        }
    }
    println!("cases with a neighbour, by line: {lines:?}; without: {lonely:#?}");
    assert_eq!(
        lines.keys().copied().collect::<Vec<_>>(),
        (1..=13).collect::<Vec<_>>()
    );
    assert!(lines.values().all(|count| *count >= 5), "{lines:?}");
}

/// What `decide` can give; the rest comes from the stages around it.
pub(crate) const GIVEN: &[Reason] = &[
    Reason::Allowed,
    Reason::PolicyUnavailable,
    Reason::MissingIdentity,
    Reason::MissingBearerToken,
    Reason::InvalidToken,
    Reason::MissingClientCertificate,
    Reason::UntrustedProxy,
    Reason::MissingVerifiedIdentity,
    Reason::InvalidSpiffeIdentity,
    Reason::OauthConfigMissing,
    Reason::OauthIssuerMissing,
    Reason::OauthProviderUnavailable,
    Reason::AuthModeUnsupported,
    Reason::RpcInspectionFailed,
    Reason::UnsupportedMediaType,
    Reason::RequestTooLarge,
    Reason::HeaderMismatch,
    Reason::MethodNotAllowed,
    Reason::MissingSession,
    Reason::SessionNotFound,
    Reason::SessionRevoked,
    Reason::SessionExpired,
    Reason::MethodNotGoverned,
    Reason::NoMatchingGrant,
    Reason::ToolDenied,
    Reason::ToolNotGranted,
    Reason::ToolSideEffectUnknown,
    Reason::SideEffectNotAllowed,
    Reason::TrustTooLow,
];

#[test]
fn each_reason_that_a_decision_can_have_ends_two_cases() {
    let mut counts: BTreeMap<Reason, usize> = BTreeMap::new();
    for case in cases().unwrap() {
        *counts.entry(case.expect.reason).or_default() += 1;
    }
    println!("{counts:?}");
    for reason in Reason::ALL {
        let count = counts.get(reason).copied().unwrap_or(0);
        assert_eq!(
            count >= 2,
            GIVEN.contains(reason),
            "{reason}: {count} cases"
        );
    }
}

#[test]
fn sixty_cases_run_through_real_objects() {
    let cases = cases().unwrap();
    let there: Vec<_> = cases
        .iter()
        .filter(|case| case.runs_in(Driver::Cluster))
        .collect();
    let policies: BTreeSet<String> = there
        .iter()
        .map(|case| case.given.policy.to_string())
        .collect();
    let count = there.len();
    println!(
        "{count} cases in the cluster, of {} policies",
        policies.len()
    );
    assert!(count >= 60, "{count}");
}

/// Objects of one namespace, with names and members that objects can have.
#[test]
fn cases_of_the_cluster_can_be_written_as_objects() {
    for case in cases()
        .unwrap()
        .iter()
        .filter(|case| case.runs_in(Driver::Cluster))
    {
        let document = case.document().unwrap().unwrap();
        let own = document.server.namespace.as_str();
        for namespace in document
            .grants
            .iter()
            .map(|grant| &grant.namespace)
            .chain(document.sessions.iter().map(|session| &session.namespace))
        {
            assert_eq!(namespace, own, "{}", case.name);
        }
        assert!(
            document
                .tools
                .iter()
                .all(|tool| !tool.side_effect.is_empty()),
            "{}",
            case.name
        );
        assert!(document.revoked_sessions.is_empty(), "{}", case.name);
        assert!(
            document.sessions.iter().all(|s| s.created_at.is_empty()),
            "{}",
            case.name
        );
        assert!(case.when.session_idle_s.is_none(), "{}", case.name);
        assert!(case.when.auth_failure.is_none(), "{}", case.name);
        assert!(case.when.inspection_failure.is_none(), "{}", case.name);
    }
}

#[test]
fn every_file_of_the_corpus_is_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
    for (folder, listed) in [
        (folder.to_owned(), include_str!("../src/corpus.rs")),
        (
            format!("{folder}/policies"),
            include_str!("../src/corpus.rs"),
        ),
    ] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            assert!(
                !name.ends_with(".yaml") || listed.contains(&format!("\"{name}\"")),
                "{name} isn't in the list of corpus.rs"
            );
        }
    }
}

#[test]
fn an_allow_has_no_status_and_a_denial_has_one() {
    for case in cases().unwrap() {
        let denied = case.expect.decision == Effect::Deny;
        assert_eq!(case.expect.status.is_some(), denied, "{}", case.name);
    }
}
