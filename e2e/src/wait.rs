//! Waiting for conditions: asked again and again, with a deadline, never a fixed sleep.
//!
//! The deadline holds for a question that isn't answered, too.

use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, interval, timeout_at};

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
    let end = Instant::now() + deadline;
    let mut every = interval(EVERY);
    loop {
        every.tick().await;
        if let Ok(answer) = timeout_at(end, ask()).await
            && let Some(answer) = answer?
        {
            return Ok(answer);
        }
        if Instant::now() >= end {
            bail!("{what}: not within {deadline:?}");
        }
    }
}

/// Asks until the answer satisfies `good`; says the last answer when it never did.
pub async fn until_is<T, F, Fut>(what: &str, ask: F, good: impl Fn(&T) -> bool) -> anyhow::Result<T>
where
    T: std::fmt::Debug,
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<T>>,
{
    until_is_within(what, DEADLINE, ask, good).await
}

/// [`until_is`] with a deadline of its own.
pub async fn until_is_within<T, F, Fut>(
    what: &str,
    deadline: Duration,
    mut ask: F,
    good: impl Fn(&T) -> bool,
) -> anyhow::Result<T>
where
    T: std::fmt::Debug,
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<T>>,
{
    let end = Instant::now() + deadline;
    let mut every = interval(EVERY);
    let mut last = None;
    loop {
        every.tick().await;
        if let Ok(answer) = timeout_at(end, ask()).await {
            let answer = answer?;
            if good(&answer) {
                return Ok(answer);
            }
            last = Some(answer);
        }
        if Instant::now() >= end {
            bail!("{what}: not within {deadline:?}; last seen: {last:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_question_that_is_never_answered_ends_with_the_deadline() {
        let ask = std::future::pending::<anyhow::Result<Option<()>>>;
        let ended = until_within("an answer", SOON, ask).await;
        assert_eq!(ended.unwrap_err().to_string(), "an answer: not within 20ms");
    }

    #[tokio::test]
    async fn the_last_answer_is_told() {
        let good = |found: &i32| *found == 2;
        let ended = until_is_within("two", SOON, || async { Ok(1) }, good).await;
        assert_eq!(
            ended.unwrap_err().to_string(),
            "two: not within 20ms; last seen: Some(1)"
        );
    }
}
