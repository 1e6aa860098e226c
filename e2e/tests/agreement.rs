//! Rust and the API server say the same of objects made by chance.
//!
//! The definitions are registered under a group of the test's own, which no webhook looks at: what
//! the API server says there is schema and CEL alone.

mod definitions;
mod updates;

use std::time::{Duration, Instant};

use crds::Kind;
use crds::generate::{Case, Cases, SEES_MORE};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::DynamicObject;
use mcp_e2e::{Cluster, Namespace, objects};

use definitions::Definitions;

/// How many objects, where `MCP_CASES` doesn't say.
const CASES: usize = 1000;
/// Of so many, each rule is the only one broken at least [`ALONE`] times.
const MANY: usize = 10_000;
const ALONE: usize = 20;
/// Dry runs at a time.
const AT_ONCE: usize = 16;

/// The API server's refusal; `None` where it takes the object.
fn refusal(answer: kube::Result<DynamicObject>) -> anyhow::Result<Option<String>> {
    match answer {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 422 => Ok(Some(status.message.clone())),
        Err(error) => Err(error.into()),
    }
}

/// Why the two don't agree, where they don't.
fn disagreement(case: &Case, refusal: Option<&str>) -> Option<String> {
    let seen_by_rust_alone = case.broken.iter().all(|code| SEES_MORE.contains(code));
    let agree = match refusal {
        None => seen_by_rust_alone,
        Some(told) => {
            // The API server leaves rules out where the shape is wrong.
            let shape = case.said.len() < case.broken.len();
            !case.broken.is_empty()
                && (shape || case.said.iter().all(|said| told.contains(said.as_str())))
        }
    };
    (!agree).then(|| {
        format!(
            "{}: Rust says {:?} {:?}, the API server {refusal:?}",
            case.object, case.broken, case.said
        )
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_and_the_api_server_agree_on_objects_made_by_chance() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "agreement").await?;
    let definitions = Definitions::new(&cluster, "agreement.mcpruntime.org");
    definitions.apply(&namespace).await?;

    let wanted = std::env::var("MCP_CASES").ok();
    let wanted = wanted.and_then(|n| n.parse().ok()).unwrap_or(CASES);
    let begun = Instant::now();
    let mut cases = Cases::default();
    // Every other one after the defaults that the webhook adds: CEL holds with it and without.
    let all: Vec<Case> = cases
        .by_ref()
        .take(wanted)
        .enumerate()
        .map(|(n, case)| if n % 2 == 0 { case } else { case.defaulted() })
        .collect();
    let made = begun.elapsed();
    let asked = Instant::now();
    let answers: Vec<(usize, Option<String>)> = stream::iter(0..all.len())
        .map(|n| {
            let case = &all[n];
            let (api, object) = (definitions.api(&namespace, case.kind), definitions.object(case));
            async move { anyhow::Ok((n, refusal(api.create(&objects::dry_run(), &object?).await)?)) }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let asked = asked.elapsed();
    report(&cases, &all, &answers, made, asked);

    let told: Vec<String> = answers
        .iter()
        .filter_map(|(n, refusal)| disagreement(&all[*n], refusal.as_deref()))
        .collect();
    assert!(
        told.is_empty(),
        "{} of {wanted} disagree, such as\n{}",
        told.len(),
        told.iter().take(5).cloned().collect::<Vec<_>>().join("\n")
    );
    let left = all.iter().find(|case| !case.defaults_left().is_empty());
    assert_eq!(left, None, "/default adds to what it has defaulted");
    definitions.delete().await?;
    namespace.delete().await
}

/// Which share was invalid, and how often a rule was the only one broken: what makes agreement mean
/// something.
fn report(
    cases: &Cases,
    all: &[Case],
    answers: &[(usize, Option<String>)],
    made: Duration,
    asked: Duration,
) {
    let refused = answers.iter().filter(|(_, refusal)| refusal.is_some());
    let invalid = refused.count();
    let times = |(kind, code): &(Kind, &str)| {
        let alone = |case: &&Case| case.kind == *kind && case.broken == [*code];
        all.iter().filter(alone).count()
    };
    let alone = cases.alone().keys().map(|rule| (times(rule), rule));
    let rarest = alone.min();
    println!(
        "agreement objects={} invalid={invalid} rules={} rarest_alone={rarest:?} made_s={:.1} asked_s={:.1}",
        all.len(),
        cases.alone().len(),
        made.as_secs_f64(),
        asked.as_secs_f64()
    );
    assert!((20..=80).contains(&(invalid * 100 / all.len().max(1))));
    assert!(
        all.len() < MANY || rarest.is_some_and(|(times, _)| times >= ALONE),
        "{rarest:?} was too seldom the only one broken"
    );
}
