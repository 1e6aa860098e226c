//! Waiting for conditions: asked again and again, with a deadline, never a fixed sleep.

use std::time::{Duration, Instant};

use anyhow::bail;

/// How long a condition may take on a machine of two busy cores.
pub const DEADLINE: Duration = Duration::from_secs(120);
/// Time between two questions.
const EVERY: Duration = Duration::from_millis(50);

/// Asks until the answer is `Some`; an error of the question ends the wait at once.
pub async fn until<T, F, Fut>(what: &str, ask: F) -> anyhow::Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<Option<T>>>,
{
    until_within(what, DEADLINE, ask).await
}

/// [`until`] with a deadline of its own.
pub async fn until_within<T, F, Fut>(
    what: &str,
    deadline: Duration,
    mut ask: F,
) -> anyhow::Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<Option<T>>>,
{
    let begun = Instant::now();
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if begun.elapsed() > deadline {
            bail!("{what}: not within {deadline:?}");
        }
    }
}

/// Asks until the answer satisfies `good`; says the last answer when it never did.
pub async fn until_is<T, F, Fut>(
    what: &str,
    mut ask: F,
    good: impl Fn(&T) -> bool,
) -> anyhow::Result<T>
where
    T: std::fmt::Debug,
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<T>>,
{
    let begun = Instant::now();
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        let answer = ask().await?;
        if good(&answer) {
            return Ok(answer);
        }
        if begun.elapsed() > DEADLINE {
            bail!("{what}: not within {DEADLINE:?}; last seen: {answer:?}");
        }
    }
}
