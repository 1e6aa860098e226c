//! Putting back what a test changed for everybody, whatever came of the test.

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt as _;

/// Runs `body`, then `undo`, also where `body` failed or panicked, and gives what came of `body`.
///
/// # Errors
/// `body`'s, or `undo`'s where `body` had none.
pub async fn then_always<T>(
    body: impl Future<Output = anyhow::Result<T>>,
    undo: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<T> {
    let outcome = AssertUnwindSafe(body).catch_unwind().await;
    let undone = undo.await;
    match outcome {
        Ok(Ok(value)) => undone.map(|()| value),
        Ok(Err(error)) => Err(error),
        Err(panic) => resume_unwind(panic),
    }
}
