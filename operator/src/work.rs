//! The workers: they take servers from the queue and put them back when there is more to do.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::clerk::PENS;
use crate::context::Context;
use crate::key::ServerKey;
use crate::metrics::Outcome;
use crate::progress::Progress;
use crate::reconcile::reconcile;
use crate::render::Now;

/// How many servers are worked on at a time: a reconcile mostly waits for the API server.
const WORKERS: usize = 16;

/// Starts the workers and the clerk's pens; none of them ends.
pub(crate) fn work(cx: &Arc<Context>, tasks: &mut JoinSet<()>) {
    for _ in 0..WORKERS {
        tasks.spawn(worker(Arc::clone(cx)));
    }
    for _ in 0..PENS {
        let cx = Arc::clone(cx);
        tasks.spawn(async move { cx.clerk.write(&cx.writes, &cx.caches, &cx.queue).await });
    }
}

async fn worker(cx: Arc<Context>) {
    loop {
        let key = cx.queue.next().await;
        let now = Now {
            wall: Timestamp::now(),
            instant: Instant::now(),
        };
        let progress = reconcile(&cx, &key, now).await;
        finish(&cx, &key, progress, now.instant);
    }
}

fn finish(cx: &Context, key: &ServerKey, progress: Progress, began: Instant) {
    let outcome = match progress {
        Progress::Done(_) => Outcome::Done,
        Progress::Waiting(_) => Outcome::Waiting,
        Progress::Invalid => Outcome::Invalid,
        Progress::Failed => Outcome::Failed,
    };
    let took = began.elapsed();
    cx.metrics.reconciled(outcome, took);
    tracing::debug!(server = %key, ?outcome, ?took, "reconciled");
    let again = match progress {
        Progress::Failed => Some(cx.memory.failed(key)),
        Progress::Done(again) | Progress::Waiting(again) => {
            cx.memory.succeeded(key);
            again
        }
        Progress::Invalid => None,
    };
    if let Some(delay) = again {
        cx.queue.add_after(key.clone(), delay);
    }
    cx.queue.done(key);
}
