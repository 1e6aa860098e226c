//! What is taken away is denied on every pod, and soon.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use crate::pods::ReadyPod;
use crate::{server, wait};

/// A kubelet that isn't touched looks at what pods mount after a minute or more; one that is, within
/// about a second. So much later than the second, and so much sooner than the first, that a denial
/// in this time was delivered.
const PROMPT: Duration = Duration::from_secs(15);

/// Waits until all pods at once deny a session's call for `reason`, and prints how long it took.
///
/// # Errors
/// One of them doesn't within 15 seconds.
#[allow(
    clippy::print_stdout,
    reason = "the time is a figure of the test that waits"
)]
pub async fn everywhere(pods: &[ReadyPod], session: &str, reason: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    let what = format!("{session} denied with {reason} on {} pods", pods.len());
    wait::until_is_within(
        &what,
        PROMPT,
        || reasons(pods, session),
        |found| found.iter().all(|found| found.as_deref() == Some(reason)),
    )
    .await?;
    println!("{what} after {} ms", begun.elapsed().as_millis());
    Ok(())
}

async fn reasons(pods: &[ReadyPod], session: &str) -> anyhow::Result<Vec<Option<String>>> {
    let calls = pods
        .iter()
        .map(|pod| server::call(pod, server::caller(session)));
    let answers = try_join_all(calls).await?;
    Ok(answers
        .iter()
        .map(|answer| answer.reason().map(str::to_owned))
        .collect())
}
