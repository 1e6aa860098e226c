//! Events on what owns a refused pod, for those who look there: `kubectl describe deploy shop`.
//!
//! Never on a request's path: a denial leaves a [`Notice`] in a bounded queue, and one task writes.
//! What repeats is counted and written about once a minute, and what there is no room for is
//! dropped and counted. Dry runs leave none, and neither does a pod without an owner: whoever
//! creates it has the answer in hand.

mod ledger;
mod notice;
mod write;

use std::time::Instant;

use kube::Client;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::metrics::{EventOutcome, Metrics};
use ledger::Ledger;
pub(crate) use notice::Notice;
use write::Writer;

/// Denials that wait to be looked at; a wave of refused pods is a few dozen a second.
const QUEUE: usize = 256;

/// Where denials are left. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    queue: Sender<Notice>,
    metrics: Metrics,
}

impl Events {
    /// Begins to write what is left from now on.
    pub fn new(client: Client, metrics: Metrics) -> Self {
        let (queue, notices) = channel(QUEUE);
        tokio::spawn(write_all(
            notices,
            Writer::new(client, instance()),
            metrics.clone(),
        ));
        Self { queue, metrics }
    }

    /// Leaves one; never waits.
    pub(crate) fn tell(&self, notice: Notice) {
        if self.queue.try_send(notice).is_err() {
            self.metrics.event(EventOutcome::Dropped);
        }
    }
}

/// This replica, as events name it.
fn instance() -> String {
    std::env::var("HOSTNAME").unwrap_or_else(|_| crds::names::WEBHOOK_ACCOUNT.to_owned())
}

/// Ends when nothing can be left any more.
async fn write_all(mut notices: Receiver<Notice>, writer: Writer, metrics: Metrics) {
    let mut ledger = Ledger::default();
    loop {
        let due = ledger.next_due();
        let steps = tokio::select! {
            notice = notices.recv() => match notice {
                Some(notice) => match ledger.enter(notice, Instant::now()) {
                    Ok(step) => step.into_iter().collect(),
                    Err(ledger::Full) => {
                        metrics.event(EventOutcome::Dropped);
                        Vec::new()
                    }
                },
                None => return,
            },
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {
                ledger.due(Instant::now())
            }
        };
        for step in steps {
            let key = step.key.clone();
            let written = writer.write(step).await;
            if let Err(error) = &written {
                let error: &(dyn std::error::Error + 'static) = error;
                tracing::warn!(error, "events");
            }
            metrics.event(match written {
                Ok(_) => EventOutcome::Written,
                Err(_) => EventOutcome::Failed,
            });
            ledger.settle(&key, written.ok());
        }
    }
}
