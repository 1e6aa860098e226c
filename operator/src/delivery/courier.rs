//! One pod's courier: touches and asks until the pod runs what it is to run.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crds::names;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::watch;

use super::ask::{AskError, Running, ask};
use super::plan::{Plan, Step};
use super::{Order, Standing, Tools};
use crate::chain::Chain;
use crate::key::ServerKey;
use crate::pods::PodView;
use crate::writes::WriteError;

/// Where proxies answer.
const PORT: u16 = names::PROXY_METRICS_PORT as u16;
/// A proxy on the same network answers in a millisecond.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Courier {
    pub(super) tools: Tools,
    pub(super) server: ServerKey,
    pub(super) pod: Arc<PodView>,
    /// The annotation's value as far as we know.
    pub(super) last_touch: Option<String>,
    pub(super) orders: watch::Receiver<Order>,
    pub(super) standing: Arc<Mutex<Standing>>,
}

impl Courier {
    /// Works until it is aborted or the pod is gone.
    pub(super) async fn run(mut self) {
        let mut orders = self.orders.clone();
        loop {
            let order = orders.borrow_and_update().clone();
            let changed = tokio::select! {
                gone = self.bring(&order) => match gone {
                    Ok(()) => orders.changed().await,
                    Err(Gone) => return,
                },
                changed = orders.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Ends when the pod answers the order's revision.
    async fn bring(&mut self, order: &Order) -> Result<(), Gone> {
        let mut plan = Plan::new(order.written.is_some(), Instant::now());
        loop {
            match plan.next(Instant::now()) {
                Step::Touch => {
                    self.touch(order).await?;
                    plan.touched(Instant::now(), random());
                }
                Step::Ask => {
                    if self.ask(order).await {
                        return Ok(());
                    }
                    plan.in_vain(Instant::now());
                }
                Step::Wait(until) => tokio::time::sleep_until(until.into()).await,
            }
        }
    }

    async fn touch(&mut self, order: &Order) -> Result<(), Gone> {
        let value = next_touch(&order.revision, self.last_touch.as_deref());
        let annotation = (names::ANNOTATION_POLICY_TOUCH, value.as_str());
        let PodView {
            namespace, name, ..
        } = &*self.pod;
        let done = self
            .tools
            .writes
            .annotate::<Pod>(namespace, name, annotation)
            .await;
        match done {
            Ok(()) => {
                self.tools.metrics.touched();
                tracing::debug!(server = %self.server, pod = %name, touch = %value, "touched");
                self.last_touch = Some(value);
                self.note(|standing| standing.refused = None);
            }
            Err(error) if error.code() == Some(404) => return Err(Gone),
            Err(error) if is_refusal(&error) => {
                tracing::warn!(server = %self.server, pod = %name, error = %Chain(&error), "touch refused");
                self.note(|standing| standing.refused = Some(error.words()));
            }
            Err(error) => {
                tracing::warn!(server = %self.server, pod = %name, error = %Chain(&error), "touch failed");
            }
        }
        Ok(())
    }

    /// True when the pod runs what it is to run.
    async fn ask(&mut self, order: &Order) -> bool {
        let answer = match self.pod.ip {
            Some(ip) => ask(ip, PORT, PATIENCE)
                .await
                .map_err(|error| describe(&error)),
            None => Err("it has no address".to_owned()),
        };
        let arrived = answer
            .as_ref()
            .is_ok_and(|running| running.revision == order.revision);
        self.note(|standing| take_down(standing, answer));
        if arrived && let Some(written) = order.written {
            self.tools.metrics.delivered(written.elapsed());
        }
        arrived
    }

    /// Changes what is known of the pod; the server is reported on again if that is news.
    fn note(&self, change: impl FnOnce(&mut Standing)) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = standing.clone();
        change(&mut standing);
        if *standing != before {
            self.tools.queue.add(self.server.clone());
        }
    }
}

/// The pod doesn't exist any more.
struct Gone;

fn take_down(standing: &mut Standing, answer: Result<Running, String>) {
    match answer {
        Ok(Running {
            revision,
            last_reload_error,
        }) => {
            standing.answered = Some(revision);
            standing.reload_error = last_reload_error.filter(|error| !error.is_empty());
            standing.silent = None;
        }
        Err(why) => standing.silent = Some(why),
    }
}

fn describe(error: &AskError) -> String {
    Chain(error).to_string()
}

/// An answer that trying again won't change by itself: an admission policy, a webhook, RBAC.
fn is_refusal(error: &WriteError) -> bool {
    error
        .code()
        .is_some_and(|code| (400..500).contains(&code) && !matches!(code, 408 | 409 | 429))
}

/// `<first 12 hex digits of the revision>.<n>`, n one more than the pod has for that revision:
/// the same value again would be no change, and the kubelet wouldn't look.
fn next_touch(revision: &str, last: Option<&str>) -> String {
    let hex = revision.rsplit(':').next().unwrap_or(revision);
    let short: String = hex.chars().take(12).collect();
    let number = last
        .and_then(|last| {
            last.strip_prefix(&*short)?
                .strip_prefix('.')?
                .parse::<u64>()
                .ok()
        })
        .map_or(1, |number| number.saturating_add(1));
    format!("{short}.{number}")
}

/// From 0.0 to 1.0; spreads the retries of many pods, nothing depends on its quality.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_touch_repeats_one_of_the_same_revision() {
        let revision = "sha256:0123456789abcdef";
        assert_eq!(next_touch(revision, None), "0123456789ab.1");
        assert_eq!(
            next_touch(revision, Some("0123456789ab.4")),
            "0123456789ab.5"
        );
        assert_eq!(
            next_touch(revision, Some("fedcba987654.4")),
            "0123456789ab.1"
        );
        assert_eq!(next_touch(revision, Some("not ours")), "0123456789ab.1");
    }

    #[test]
    fn a_pod_that_fell_silent_keeps_its_last_answer() {
        let mut standing = Standing::default();
        assert!(!standing.known());
        let running = |revision: &str| Running {
            revision: revision.into(),
            last_reload_error: Some(String::new()),
        };
        take_down(&mut standing, Ok(running("a")));
        take_down(&mut standing, Err("connecting: refused".into()));
        let expected = Standing {
            answered: Some("a".into()),
            silent: Some("connecting: refused".into()),
            ..Standing::default()
        };
        assert_eq!(standing, expected);
        take_down(&mut standing, Ok(running("b")));
        assert_eq!(
            standing,
            Standing {
                answered: Some("b".into()),
                ..Standing::default()
            }
        );
    }
}
