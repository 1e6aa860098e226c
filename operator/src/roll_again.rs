//! Whether a Deployment is rolled again because its pods still differ from what is injected now:
//! the webhook was older than the operator when they were created, or only its version is new,
//! which isn't among the inputs. Pure.
//!
//! Bounded three ways: only after a finished rollout, only while every replica of the webhook
//! injects what is expected, and at most three times, further and further apart.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;

use crate::drift::{Wanted, is_outdated, written_inputs};
use crate::pods::PodView;

/// Template annotation: `<version@inputs>/<n>/<time>` of the last time.
pub(crate) const ANNOTATION_ROLLED_AGAIN: &str = "mcpruntime.org/rolled-again";
/// How long after the time before; there are no more times than these.
const GAPS: [SignedDuration; 3] = [
    SignedDuration::ZERO,
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
];

/// What is next for a Deployment; of two Deployments the greater is what people are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Again {
    /// Its pods are as they are to be, or a rollout is under way.
    #[default]
    No,
    /// Not before this has passed.
    Later(Duration),
    /// Now: the annotation's value.
    Now(String),
    /// It was done often enough.
    GivenUp,
}

/// What is next for a Deployment with these living pods, if the webhook injects what is wanted.
pub(crate) fn roll_again(
    live: &Deployment,
    pods: &[Arc<PodView>],
    wanted: &Wanted,
    now: Timestamp,
) -> Again {
    let ordered = written_inputs(live) == Some(&*wanted.inputs.to_string());
    let track = track(live);
    let mut own = pods.iter().filter(|pod| pod.track.as_deref() == track);
    if !ordered || !rolled_out(live) || !own.any(|pod| is_outdated(pod, wanted)) {
        return Again::No;
    }
    let (done, last) = earlier(live, wanted).unwrap_or((0, Timestamp::UNIX_EPOCH));
    let Some(gap) = GAPS.get(done) else {
        return Again::GivenUp;
    };
    let left = (last + *gap).duration_since(now);
    match Duration::try_from(left) {
        Ok(left) if !left.is_zero() => Again::Later(left),
        _ => Again::Now(format!("{}/{}/{now:.0}", wanted.injected, done + 1)),
    }
}

/// How often it was done for what is wanted now, and when last.
fn earlier(live: &Deployment, wanted: &Wanted) -> Option<(usize, Timestamp)> {
    let template = live.spec.as_ref()?.template.metadata.as_ref()?;
    let value = template
        .annotations
        .as_ref()?
        .get(ANNOTATION_ROLLED_AGAIN)?;
    let mut parts = value.split('/');
    let (injected, count, time) = (parts.next()?, parts.next()?, parts.next()?);
    let of_now = injected == wanted.injected;
    of_now.then_some((count.parse().ok()?, time.parse().ok()?))
}

fn track(live: &Deployment) -> Option<&str> {
    let labels = live.metadata.labels.as_ref()?;
    labels.get(crds::names::LABEL_TRACK).map(String::as_str)
}

/// Every pod is of the newest template, and available.
fn rolled_out(live: &Deployment) -> bool {
    let wanted = live.spec.as_ref().and_then(|spec| spec.replicas);
    let status = live.status.clone().unwrap_or_default();
    let count = |number: Option<i32>| number.unwrap_or_default();
    status.observed_generation >= live.metadata.generation
        && count(status.updated_replicas) == wanted.unwrap_or(1)
        && count(status.replicas) == count(status.updated_replicas)
        && count(status.available_replicas) == count(status.updated_replicas)
}

#[cfg(test)]
mod tests;
